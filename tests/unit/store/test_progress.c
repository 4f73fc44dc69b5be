// SPDX-License-Identifier: Apache-2.0
// Long work reports its progress, and stops if the progress function returns an error.
#include "store_unit.h"

#include "store/new_file.h"
#include "store/provision.h"

#include <errno.h>
#include <sys/stat.h>

struct seen {
    const char *end_at; // or NULL
    uint64_t done, total;
    unsigned n; // that said "loading"
};

static int on_step(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    struct seen *seen = userdata;

    if (!strcmp(what, "loading")) {
        assert_true(done >= seen->done && done <= total);
        seen->done = done;
        seen->total = total;
        seen->n++;
    }
    return seen->end_at && !strcmp(what, seen->end_at) ? -ECANCELED : 0;
}

// Makes a file of 21 MB with two records, of which one has almost all bytes.
static void create_big_database(void)
{
    struct store *store;
    char *big = xmalloc(1000001);

    memset(big, 'x', 1000000);
    big[1000000] = '\0';
    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    for (int i = 0; i < 20; i++) {
        insert(store_db(store), big);
    }
    assert_ok(store_compact(store, NULL));
    insert(store_db(store), big);
    store_close(store);
    free(big);
}

static void test_loading(void **state)
{
    struct seen seen = {0};
    const struct progress progress = {on_step, &seen};
    struct stat st;
    struct store *store;

    create_big_database();
    assert_ok(store_open("d.db", STORE_READ_ONLY, NULL, &progress, &store, NULL));
    assert_in_range(seen.n, 4, 8); // each few MB
    assert_int_equal(stat("d.db", &st), 0);
    assert_int_equal(seen.total, st.st_size);
    store_close(store);
}

static void test_loading_ends(void **state)
{
    static const char *const steps[] = {"reading", "loading", "checking"};

    create_big_database();
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct seen seen = {steps[i]};
        const struct progress progress = {on_step, &seen};
        struct store *store;

        assert_error(store_open("d.db", STORE_READ_WRITE, NULL, &progress, &store, NULL),
                     "anceled");
    }
}

// The file is unchanged, and the only other file is the copy, if it was made.
static void test_conversion_ends(void **state)
{
    static const struct {
        const char *step;
        bool has_copy;
    } cases[] = {{"converting", false}, {"checking", false}, {"copying", false}, {"writing", true}};
    _cleanup_buf_ struct buf before = {0};
    _cleanup_schema_ struct schema *schema = schema_of_file("store/d-99.ovsschema");

    create_big_database();
    read_file("d.db", &before);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct seen seen = {cases[i].step};
        const struct progress progress = {on_step, &seen};
        struct store *store = open_store(STORE_READ_WRITE, NULL);
        _cleanup_buf_ struct buf after = {0};

        assert_error(provision_convert(store, schema, &progress), "anceled");
        store_close(store);
        read_file("d.db", &after);
        assert_true(slice_equals(buf_slice(&after), buf_slice(&before)));
        assert_int_equal(access("d.db.tmp", F_OK), -1);
        assert_int_equal(access("d.db.backup1.0.0-.tmp", F_OK), -1);
        assert_int_equal(access("d.db.backup1.0.0-", F_OK), cases[i].has_copy ? 0 : -1);
    }
}

// A file that was not installed is removed, and only that.
static void test_unfinished_files(void **state)
{
    struct new_file begun, finished;

    assert_ok(new_file_open("begun", -1, &begun));
    assert_ok(new_file_open("finished", -1, &finished));
    assert_ok(new_file_install(&finished, false));
    assert_int_equal(access("begun.tmp", F_OK), 0);
    new_file_done(&begun);
    new_file_done(&finished);
    assert_int_equal(access("begun.tmp", F_OK), -1);
    assert_int_equal(access("finished", F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loading),
        TEST(test_loading_ends),
        TEST(test_conversion_ends),
        TEST(test_unfinished_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
