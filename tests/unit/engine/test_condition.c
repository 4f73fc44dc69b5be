// SPDX-License-Identifier: Apache-2.0
// Tests combinations of conditions. tests/data/engine/condition.json has the single conditions.
#include "engine_fixture.h"

#include "engine/condition.h"
#include "json/framer.h"

static struct condition decode(const struct db *db, const char *text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct condition condition;
    struct cursor cursor;

    assert_null(framer_check(slice_of(text), SIZE_MAX, NULL, NULL));
    cursor_init(&cursor, slice_of(text));
    assert_null(condition_decode(&cursor, fixture_table(db, "Thing"), NULL, &scratch, &condition));
    return condition;
}

static void check(const char *text, bool all, bool any)
{
    struct db *db = fixture_new();
    struct condition condition = decode(db, text);
    struct row *row = row_new(fixture_table(db, "Thing"), fixture_uuid(1));

    assert_int_equal(condition_matches_all(&condition, row), all);
    assert_int_equal(condition_matches_any(&condition, row), any);
    condition_done(&condition);
    row_unref(row);
    db_free(db);
}

static void test_all_and_any(void **state)
{
    check("[]", true, true);
    check("[true]", true, true);
    check("[false]", false, false);
    check("[true,false]", false, true);
    check("[[\"i\",\"==\",0],[\"s\",\"==\",\"x\"]]", false, true);
    check("[[\"i\",\"==\",1],[\"s\",\"==\",\"x\"]]", false, false);
    check("[[\"i\",\"==\",0],[\"s\",\"==\",\"\"]]", true, true);
}

static void test_scalar_inclusion_is_equality(void **state)
{
    struct db *db = fixture_new();
    struct condition condition =
        decode(db, "[[\"i\",\"includes\",5],[\"i\",\"excludes\",5],[\"si\",\"includes\",5]]");

    assert_int_equal(condition.clauses[0].function, COND_EQ);
    assert_int_equal(condition.clauses[1].function, COND_NE);
    assert_int_equal(condition.clauses[2].function, COND_INCLUDES);
    condition_done(&condition);
    db_free(db);
}

static void test_names_need_symbols(void **state)
{
    struct db *db = fixture_new();
    _cleanup_buf_ struct buf scratch = {0};
    struct condition condition;
    struct cursor cursor;
    struct ovsdb_error *error;

    cursor_init(&cursor, SLICE("[[\"s\",\"==\",\"x\"],[\"u\",\"==\",[\"named-uuid\",\"n\"]]]"));
    error = condition_decode(&cursor, fixture_table(db, "Thing"), NULL, &scratch, &condition);
    assert_non_null(error);
    assert_string_equal(error->tag, ERROR_SYNTAX);
    error_free(error);
    cursor_init(&cursor, SLICE("{}"));
    error = condition_decode(&cursor, fixture_table(db, "Thing"), NULL, &scratch, &condition);
    assert_non_null(error);
    error_free(error);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_and_any),
        cmocka_unit_test(test_scalar_inclusion_is_equality),
        cmocka_unit_test(test_names_need_symbols),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
