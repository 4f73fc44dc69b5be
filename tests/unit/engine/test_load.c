// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

static union datum decode(const struct column *column, const char *text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    union datum datum;

    cursor_init(&cursor, slice_of(text));
    assert_null(datum_decode(&cursor, &column->type, DATUM_CHECK_NOTHING, NULL, &scratch, &datum));
    return datum;
}

static void load(struct db *db, const char *table, uint64_t n, const char *name, const char *value)
{
    const struct column *column = fixture_column(db, table, name);
    bool is_new;

    row_set(db_load_row(db, fixture_table(db, table), fixture_uuid(n), &is_new), column,
            decode(column, value));
}

static void finish_fails(struct db *db, const char *tag)
{
    struct ovsdb_error *error = db_load_finish(db, NULL);

    assert_non_null(error);
    assert_string_equal(error->tag, tag);
    error_free(error);
    db_free(db);
}

#define UUID(n) "[\"uuid\",\"0000000" #n "-0000-4000-8000-000000000000\"]"

static void test_rows(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *things = fixture_table(db, "Thing");
    struct row *row;
    bool is_new;

    row = db_load_row(db, things, fixture_uuid(1), &is_new);
    assert_true(is_new);
    assert_ptr_equal(db_load_row(db, things, fixture_uuid(1), &is_new), row);
    assert_false(is_new);
    load(db, "Thing", 1, "i", "5");
    load(db, "Thing", 1, "i", "6");
    load(db, "Thing", 2, "i", "7");
    assert_true(db_load_delete(db, things, fixture_uuid(2)));
    assert_false(db_load_delete(db, things, fixture_uuid(2)));
    assert_null(db_load_finish(db, NULL));
    fixture_check(db);
    assert_int_equal(table_n_rows(db_table(db, things)), 1);
    assert_int_equal(db_tail(db)->seq, 0);
    assert_string_equal(fixture_run(db,
                                    "{\"op\":\"select\",\"table\":\"Thing\",\"where\":[],"
                                    "\"columns\":[\"i\"]}"),
                        "[{\"rows\":[{\"i\":6}]}]");
    db_free(db);
}

static void test_references(void **state)
{
    struct db *db = fixture_new();

    load(db, "Owner", 1, "parts", UUID(2));
    load(db, "Owner", 1, "likes", "[\"set\",[" UUID(2) "," UUID(9) "]]");
    load(db, "Part", 2, "name", "\"used\"");
    load(db, "Part", 3, "name", "\"unused\"");
    assert_null(db_load_finish(db, NULL));
    fixture_check(db);
    assert_int_equal(table_n_rows(db_table(db, fixture_table(db, "Part"))), 1);
    assert_string_equal(fixture_run(db,
                                    "{\"op\":\"select\",\"table\":\"Owner\",\"where\":[],"
                                    "\"columns\":[\"likes\"]}"),
                        "[{\"rows\":[{\"likes\":" UUID(2) "}]}]");
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Owner\",\"where\":[],"
                "\"row\":{\"parts\":[\"set\",[]]}}");
    assert_int_equal(table_n_rows(db_table(db, fixture_table(db, "Part"))), 0);
    db_free(db);
}

static void test_constraints(void **state)
{
    struct db *db = fixture_new();

    load(db, "Owner", 1, "parts", UUID(2));
    finish_fails(db, ERROR_INTEGRITY);

    db = fixture_new();
    load(db, "Crew", 1, "members", UUID(2));
    finish_fails(db, ERROR_CONSTRAINT);

    db = fixture_new();
    load(db, "Thing", 1, "range", "[\"set\",[1,11]]");
    finish_fails(db, ERROR_CONSTRAINT);

    db = fixture_new();
    load(db, "Thing", 1, "s3", "[\"set\",[1,2,3,4]]");
    finish_fails(db, ERROR_CONSTRAINT);

    db = fixture_new();
    load(db, "Colour", 1, "n", "1"); // its name is still the default
    finish_fails(db, ERROR_CONSTRAINT);

    db = fixture_new();
    load(db, "Limited", 1, "b", "\"x\"");
    load(db, "Limited", 2, "b", "\"y\"");
    finish_fails(db, ERROR_CONSTRAINT); // both have a == 0

    db = fixture_new();
    for (uint64_t i = 1; i <= 4; i++) {
        char number[] = {(char)('0' + i), '\0'};

        load(db, "Limited", i, "a", number);
        load(db, "Limited", i, "b",
             i == 1   ? "\"1\""
             : i == 2 ? "\"2\""
             : i == 3 ? "\"3\""
                      : "\"4\"");
    }
    finish_fails(db, ERROR_CONSTRAINT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_constraints),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
