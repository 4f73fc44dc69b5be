// SPDX-License-Identifier: Apache-2.0
// The rows looked up by value are those that match the condition.
#include "monitor_unit.h"

#include "monitor/lookup.h"
#include "monitor/values.h"

#define N_ROWS 1000 // with i and opt at number % 10, opt empty for 9

#define UUID_5 "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000005\"]]"
#define UUID_X "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-00000000ffff\"]]"

static void on_found(void *userdata, struct row *row)
{
    bool *found = userdata;

    assert_false(found[row->uuid.lo]); // once only
    found[row->uuid.lo] = true;
}

// Fails unless lookup_run() finds each matching row once. Returns the number of rows.
static size_t assert_finds_matches(const struct condition *condition, struct table *rows)
{
    bool found[N_ROWS] = {false};
    size_t n = 0;

    lookup_run(condition, rows, on_found, found);
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = table_find(rows, (struct uuid){0, i});

        assert_int_equal(found[i], condition_matches_any(condition, row));
        n += found[i];
    }
    return n;
}

static const struct test_case {
    const char *condition;
    bool without_index,
        with_index; // whether a lookup is possible without or with indexes of i and opt
    size_t n;       // rows that match
} cases[] = {
    {"[]", false, false, 0},
    {"[true]", false, false, 0},
    {"[false]", true, true, 0},
    {"[" UUID_5 "]", true, true, 1},
    {"[false," UUID_5 "," UUID_X "]", true, true, 1},
    {"[[\"i\",\"==\",3]]", false, true, 100},
    {"[[\"i\",\"==\",3],[\"i\",\"==\",4],[\"i\",\"==\",77],false]", false, true, 200},
    {"[[\"opt\",\"==\",[\"set\",[]]],[\"opt\",\"==\",0]]", false, true, 200},
    {"[[\"i\",\"==\",3],[\"opt\",\"==\",4]]", false, false, 0},
    {"[[\"i\",\"==\",3]," UUID_5 "]", false, false, 0},
    {"[[\"i\",\"==\",3],true]", false, false, 0},
    {"[[\"i\",\"!=\",3]]", false, false, 0},
    {"[[\"set\",\"includes\",3]]", false, false, 0},
};

static void test_lookup(void **state)
{
    struct db *db = unit_filled_db(N_ROWS, 10);
    struct table *rows = db_table(db, unit_table(db, "A"));

    for (int with_index = 0; with_index < 2; with_index++) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            const struct test_case *c = &cases[i];
            struct condition condition = unit_condition(db, "A", c->condition);
            bool expected = with_index ? c->with_index : c->without_index;
            size_t n;

            assert_int_equal(lookup_is_possible(&condition, rows, &n), expected);
            if (expected) {
                assert_int_equal(assert_finds_matches(&condition, rows), c->n);
                assert_in_range(n, c->n, c->n + 1); // a UUID without a row counts
            } else if (c->with_index) {
                // The index is not there when the rows are looked up.
                assert_int_equal(assert_finds_matches(&condition, rows), c->n);
            }
            condition_done(&condition);
        }
        // Many calls make an index.
        while (!table_is_indexed(rows, unit_column(db, "A", "i")) ||
               !table_is_indexed(rows, unit_column(db, "A", "opt"))) {
        }
    }
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),
    };

    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
