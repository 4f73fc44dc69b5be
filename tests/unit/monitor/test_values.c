// SPDX-License-Identifier: Apache-2.0
// A value set matches the same rows as its condition.
#include "monitor_unit.h"

#include "monitor/values.h"

static void test_same_matches(void **state)
{
    static const char *const conditions[] = {
        "[[\"i\",\"==\",0],[\"i\",\"==\",1],[\"i\",\"==\",2],[\"i\",\"==\",7],[\"s\",\"==\",\"b\"]"
        "]",
        "[[\"i\",\"==\",5],[\"opt\",\"==\",3],[\"opt\",\"==\",[\"set\",[]]],false,[\"s\",\"==\","
        "\"a\"]]",
        "[[\"set\",\"==\",[\"set\",[1,2]]],false,false,false,[\"set\",\"==\",1],"
        "[\"map\",\"==\",[\"map\",[[\"k\",1]]]]]",
        "[[\"i\",\"==\",0],[\"i\",\"==\",1],[\"i\",\"==\",2],[\"i\",\"==\",4],[\"i\",\"==\",6],["
        "\"i\","
        "\"<\",3],[\"set\",\"includes\",2],false]",
        "[[\"i\",\"==\",0],[\"i\",\"==\",1],[\"i\",\"==\",2],[\"i\",\"==\",4],[\"i\",\"==\",6],"
        "true]",
        "[false,false,false,false,false]",
        "[[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000001\"]],false,false,false,"
        "[\"i\",\"==\",3],[\"i\",\"==\",3]]",
    };
    static const struct {
        int64_t i;
        const char *s, *set;
    } rows[] = {{0, "", "[\"set\",[]]"},
                {3, "a", "1"},
                {5, "b", "[\"set\",[1,2]]"},
                {7, "c", "2"},
                {8, "c", "[\"set\",[]]"}};
    struct db *db = unit_db();
    size_t n_matches = 0;

    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        struct condition condition = unit_condition(db, "A", conditions[i]);
        struct value_set *set = value_set_new(&condition);

        assert_non_null(set);
        for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
            struct row *row = row_new(unit_table(db, "A"), (struct uuid){0, j});
            const struct column *column = unit_column(db, "A", "set");

            row_set(row, unit_column(db, "A", "i"), (union datum){.scalar.integer = rows[j].i});
            row_set(row, unit_column(db, "A", "s"),
                    (union datum){.scalar.string = text_new(slice_of(rows[j].s))});
            row_set(row, column, unit_datum(column, rows[j].set));
            assert_int_equal(value_set_matches(set, row), condition_matches_any(&condition, row));
            n_matches += value_set_matches(set, row);
            row_unref(row);
        }
        value_set_free(set);
        condition_done(&condition);
    }
    assert_in_range(n_matches, 13, 20);
    db_free(db);
}

static void test_other_forms(void **state)
{
    static const struct {
        const char *condition;
        bool is_values;
    } cases[] = {
        {"[]", false},
        {"[true]", false},
        {"[false]", true},
        {"[[\"i\",\"==\",1],[\"i\",\"<\",5],[\"i\",\"==\",2],[\"i\",\"==\",3],[\"i\",\"==\",4]]",
         false},
        {"[[\"set\",\"includes\",1]]", false},
        {"[[\"i\",\"==\",1]]", true},
    };
    struct db *db = unit_db();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct condition condition = unit_condition(db, "A", cases[i].condition);

        assert_int_equal(condition_is_values(&condition), cases[i].is_values);
        assert_null(value_set_new(&condition));
        condition_done(&condition);
    }
    value_set_free(NULL);
    db_free(db);
}

static void test_drop_repeated(void **state)
{
    static const struct {
        const char *condition;
        size_t n;
    } cases[] = {
        {"[]", 0},
        {"[[\"i\",\"==\",1],[\"i\",\"==\",2],[\"i\",\"==\",1],[\"opt\",\"==\",1],false]", 4},
        {"[[\"s\",\"==\",\"a\"],[\"s\",\"==\",\"a\"],[\"s\",\"==\",\"a\"]]", 1},
        {"[[\"i\",\"<\",1],[\"i\",\"<\",1]]", 2},
    };
    struct db *db = unit_db();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct condition condition = unit_condition(db, "A", cases[i].condition);

        condition_drop_repeated(&condition);
        assert_int_equal(condition.n_clauses, cases[i].n);
        condition_done(&condition);
    }
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_matches),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_drop_repeated),
    };

    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
