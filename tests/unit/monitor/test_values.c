// SPDX-License-Identifier: Apache-2.0
// Lists of values give the same answers as the conditions they stand for.
#include "monitor_unit.h"

#include "monitor/values.h"

static void test_same_answers(void **state)
{
    static const char *const conditions[] = {
        "[[\"i\",\"==\",0],[\"i\",\"==\",1],[\"i\",\"==\",2],[\"i\",\"==\",7],[\"s\",\"==\",\"b\"]"
        "]",
        "[[\"i\",\"==\",5],[\"opt\",\"==\",3],[\"opt\",\"==\",[\"set\",[]]],false,[\"s\",\"==\","
        "\"a\"]]",
        "[[\"set\",\"==\",[\"set\",[1,2]]],false,false,false,[\"set\",\"==\",1],"
        "[\"map\",\"==\",[\"map\",[[\"k\",1]]]]]",
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
    struct buf scratch = {0};
    size_t n_matches = 0;

    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        struct condition condition;
        struct value_set *set;
        struct cursor cursor;

        cursor_init(&cursor, slice_of(conditions[i]));
        assert_null(condition_decode(&cursor, unit_table(db, "A"), NULL, &scratch, &condition));
        set = value_set_new(&condition);
        assert_non_null(set);
        for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
            struct row *row = row_new(unit_table(db, "A"), (struct uuid){0, j});
            const struct column *column = unit_column(db, "A", "set");
            union datum value;

            row_set(row, unit_column(db, "A", "i"), (union datum){.scalar.integer = rows[j].i});
            row_set(row, unit_column(db, "A", "s"),
                    (union datum){.scalar.string = text_new(slice_of(rows[j].s))});
            cursor_init(&cursor, slice_of(rows[j].set));
            assert_null(
                datum_decode(&cursor, &column->type, DATUM_CHECK_ALL, NULL, &scratch, &value));
            row_set(row, column, value);
            assert_int_equal(value_set_matches(set, row), condition_matches_any(&condition, row));
            n_matches += value_set_matches(set, row);
            row_unref(row);
        }
        value_set_free(set);
        condition_done(&condition);
    }
    assert_in_range(n_matches, 5, 20);
    buf_done(&scratch);
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
    struct buf scratch = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct condition condition;
        struct cursor cursor;

        cursor_init(&cursor, slice_of(cases[i].condition));
        assert_null(condition_decode(&cursor, unit_table(db, "A"), NULL, &scratch, &condition));
        assert_int_equal(condition_is_values(&condition), cases[i].is_values);
        assert_null(value_set_new(&condition));
        condition_done(&condition);
    }
    value_set_free(NULL);
    buf_done(&scratch);
    db_free(db);
}

static void test_repetitions(void **state)
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
    struct buf scratch = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct condition condition;
        struct cursor cursor;

        cursor_init(&cursor, slice_of(cases[i].condition));
        assert_null(condition_decode(&cursor, unit_table(db, "A"), NULL, &scratch, &condition));
        condition_drop_repeated(&condition);
        assert_int_equal(condition.n_clauses, cases[i].n);
        condition_done(&condition);
    }
    buf_done(&scratch);
    db_free(db);
}

static void test_uuids(void **state)
{
#define NAMED "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000001\"]]"
    static const struct {
        const char *condition;
        bool is_uuids;
    } cases[] = {
        {"[]", false},
        {"[false]", true},
        {"[true]", false},
        {"[" NAMED "]", true},
        {"[false," NAMED "]", true},
        {"[" NAMED ",true]", false},
        {"[" NAMED ",[\"i\",\"==\",1]]", false},
        {"[[\"_version\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000001\"]]]", false},
        {"[[\"_uuid\",\"!=\",[\"uuid\",\"00000000-0000-0000-0000-000000000001\"]]]", false},
    };
    struct db *db = unit_db();
    struct buf scratch = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct condition condition;
        struct cursor cursor;

        cursor_init(&cursor, slice_of(cases[i].condition));
        assert_null(condition_decode(&cursor, unit_table(db, "A"), NULL, &scratch, &condition));
        assert_int_equal(condition_is_uuids(&condition), cases[i].is_uuids);
        condition_done(&condition);
    }
    buf_done(&scratch);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_repetitions),
        cmocka_unit_test(test_uuids),
    };

    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
