// SPDX-License-Identifier: Apache-2.0
#include "monitor_unit.h"

// Requests whose specs are equal, and some whose specs differ.
static void test_equality(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"{\"A\":{}}", "{\"A\":[{}]}", true},
        {"{\"A\":{},\"B\":{}}", "{\"B\":{},\"A\":{}}", true},
        {"{\"A\":{\"columns\":[\"i\",\"s\"]}}", "{\"A\":{\"columns\":[\"s\",\"i\"]}}", true},
        {"{\"A\":{\"columns\":[\"i\",\"s\"]}}",
         "{\"A\":[{\"columns\":[\"s\"]},{\"columns\":[\"i\"],\"select\":{}}]}", true},
        {"{\"B\":{\"select\":{\"insert\":true}}}", "{\"B\":{}}", true},
        {"{\"B\":{\"where\":[[\"x\",\"==\",1.0]]}}", "{\"B\":{\"where\":[[\"x\",\"==\",1]]}}",
         true},
        {"{\"B\":{\"where\":[]}}", "{\"B\":{}}", true},
        {"{\"B\":{\"columns\":[\"x\",\"_version\"]}}", "{\"B\":{}}", true},
        {"{\"A\":{}}", "{\"B\":{}}", false},
        {"{\"A\":{}}", "{\"A\":{},\"B\":{}}", false},
        {"{\"B\":{\"columns\":[\"x\"]}}", "{\"B\":{}}", false},
        {"{\"B\":{\"select\":{\"insert\":false}}}", "{\"B\":{}}", false},
        {"{\"B\":{\"where\":[[\"x\",\"==\",1]]}}", "{\"B\":{\"where\":[[\"x\",\"==\",2]]}}", false},
        {"{\"B\":{\"columns\":[\"x\"]}}",
         "{\"B\":[{\"columns\":[\"x\"]},{\"columns\":[],\"where\":[false]}]}", true},
    };
    struct db *db = unit_db();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct monitor_spec *a = unit_spec(db, MONITOR_V2, cases[i].a);
        struct monitor_spec *b = unit_spec(db, MONITOR_V2, cases[i].b);

        assert_int_equal(monitor_spec_equals(a, b), cases[i].equal);
        assert_int_equal(monitor_spec_hash(a) == monitor_spec_hash(b), cases[i].equal);
        monitor_spec_free(a);
        monitor_spec_free(b);
    }
    db_free(db);
}

static void test_versions_differ(void **state)
{
    struct db *db = unit_db();
    struct monitor_spec *a = unit_spec(db, MONITOR_V1, "{\"A\":{}}");
    struct monitor_spec *b = unit_spec(db, MONITOR_V2, "{\"A\":{}}");

    assert_false(monitor_spec_equals(a, b));
    monitor_spec_free(a);
    monitor_spec_free(b);
    db_free(db);
}

static void test_change(void **state)
{
    struct db *db = unit_db();
    struct monitor_spec *a = unit_spec(
        db, MONITOR_V3, "{\"A\":{\"columns\":[\"i\"]},\"B\":{\"where\":[[\"x\",\"==\",1]]}}");
    struct monitor_spec *changed, *expected;

    assert_null(monitor_spec_change(a, SLICE("{\"B\":[{\"where\":[[\"x\",\">\",5]]}]}"), &changed));
    expected = unit_spec(db, MONITOR_V3,
                         "{\"A\":{\"columns\":[\"i\"]},\"B\":{\"where\":[[\"x\",\">\",5]]}}");
    assert_true(monitor_spec_equals(changed, expected));
    monitor_spec_free(changed);
    assert_null(monitor_spec_change(expected, SLICE("{\"B\":[]}"), &changed));
    assert_true(monitor_spec_equals(changed, expected));
    monitor_spec_free(expected);
    monitor_spec_free(changed);
    monitor_spec_free(a);
    db_free(db);
}

static void test_persistence(void **state)
{
    static const struct {
        const char *requests;
        bool persistent;
    } cases[] = {
        {"{\"A\":{\"columns\":[\"i\"]}}", true},
        {"{\"A\":{\"columns\":[\"i\",\"e\"]}}", false},
        {"{\"B\":{\"columns\":[\"_uuid\"]}}", true},
        {"{\"B\":{}}", false},
        {"{\"A\":{\"columns\":[\"i\"],\"where\":[true,[\"i\",\"<\",5]]}}", true},
        {"{\"A\":{\"columns\":[\"i\"],\"where\":[[\"i\",\"<\",5],[\"e\",\"!=\",1]]}}", false},
    };
    struct db *db = unit_db();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct monitor_spec *spec = unit_spec(db, MONITOR_V3, cases[i].requests);

        assert_int_equal(monitor_spec_is_persistent(spec), cases[i].persistent);
        monitor_spec_free(spec);
    }
    db_free(db);
}

// monitor_spec_put() writes requests from which an equal spec is parsed.
static void test_put(void **state)
{
    static const struct {
        enum monitor_version version;
        const char *requests;
        bool is_same; // else only the conditions' texts differ
    } cases[] = {
        {MONITOR_V1, "{}", true},
        {MONITOR_V1, "{\"A\":{},\"B\":{\"columns\":[\"_uuid\",\"_version\"]}}", true},
        {MONITOR_V1,
         "{\"A\":[{\"columns\":[\"i\"],\"select\":{\"insert\":false}},"
         "{\"columns\":[\"s\",\"e\"],\"select\":{\"delete\":false}},{\"columns\":[\"opt\"]}]}",
         true},
        {MONITOR_V1, "{\"B\":{\"columns\":[]},\"C\":[]}", true},
        {MONITOR_V2, "{\"B\":{\"where\":[[\"x\",\"==\",1],[\"x\",\"==\",2]]}}", true},
        {MONITOR_V3, "{\"B\":{\"where\":[false]},\"C\":{\"where\":[]}}", true},
        {MONITOR_V3,
         "{\"A\":[{\"columns\":[\"i\"],\"where\":[[\"i\",\"==\",1]]},{\"columns\":[\"s\"],"
         "\"select\":{\"modify\":false},\"where\":[[\"i\",\"==\",2]]}]}",
         false},
    };
    struct db *db = unit_db();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct monitor_spec *spec = unit_spec(db, cases[i].version, cases[i].requests), *again;
        _cleanup_buf_ struct buf text = {0};

        monitor_spec_put(&text, spec);
        again = unit_spec(db, cases[i].version, buf_cstr(&text));
        assert_int_equal(monitor_spec_equals(spec, again), cases[i].is_same);
        for (size_t j = 0; j < spec->n_tables; j++) {
            assert_int_equal(spec->tables[j].select, again->tables[j].select);
            for (size_t k = 0; k < spec->tables[j].n_columns; k++) {
                assert_int_equal(spec->tables[j].columns[k].select,
                                 again->tables[j].columns[k].select);
            }
        }
        monitor_spec_free(spec);
        monitor_spec_free(again);
    }
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality), cmocka_unit_test(test_versions_differ),
        cmocka_unit_test(test_change),   cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_put),
    };

    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
