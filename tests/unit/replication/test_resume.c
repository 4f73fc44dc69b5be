// SPDX-License-Identifier: Apache-2.0
#include "replication/resume.h"

#include "unit.h"

static const struct uuid ONE = {1, 1}, TWO = {2, 2};

static void test_by_database(void **state)
{
    struct resume *resume = resume_new();
    struct uuid id = UUID_ZERO;

    assert_false(resume_find(resume, "a", SLICE("{}"), &id));
    resume_set(resume, "a", SLICE("{}"), ONE);
    resume_set(resume, "b", SLICE("{}"), ONE);
    resume_set(resume, "a", SLICE("{}"), TWO);
    assert_true(resume_find(resume, "a", SLICE("{}"), &id));
    assert_true(uuid_equals(id, TWO));
    assert_true(resume_find(resume, "b", SLICE("{}"), &id));
    assert_true(uuid_equals(id, ONE));
    resume_forget(resume, "a");
    resume_forget(resume, "c");
    assert_false(resume_find(resume, "a", SLICE("{}"), &id));
    assert_true(resume_find(resume, "b", SLICE("{}"), &id));
    resume_forget_all(resume);
    assert_false(resume_find(resume, "b", SLICE("{}"), &id));
    resume_free(resume);
    resume_free(NULL);
}

// Another request showed other tables and columns: what it left out may be old.
static void test_other_request(void **state)
{
    struct resume *resume = resume_new();
    struct uuid id = UUID_ZERO;

    resume_set(resume, "a", SLICE("{\"T\":[]}"), ONE);
    assert_false(resume_find(resume, "a", SLICE("{}"), &id));
    assert_true(uuid_equals(id, UUID_ZERO));
    resume_set(resume, "a", SLICE("{}"), TWO);
    assert_false(resume_find(resume, "a", SLICE("{\"T\":[]}"), &id));
    assert_true(resume_find(resume, "a", SLICE("{}"), &id));
    resume_free(resume);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_database),
        cmocka_unit_test(test_other_request),
    };

    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
