// SPDX-License-Identifier: Apache-2.0
// The transaction of a restore, for one wanted database and different contents of the server.
#include "schema_file.h"

#include "tools/ovsdb-client/restore_request.h"
#include "json/cursor.h"

#define A "00000000-0000-4000-8000-00000000000a"
#define X "00000000-0000-4000-8000-0000000000ff"

#define WHERE(uuid) "\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"" uuid "\"]]]"
#define WAIT(rows)                                                                                 \
    "{\"op\":\"wait\",\"table\":\"T\",\"timeout\":0,\"until\":\"==\",\"where\":[],"                \
    "\"columns\":[\"_uuid\",\"fixed\"],\"rows\":" rows                                             \
    "},"                                                                                           \
    "{\"op\":\"wait\",\"table\":\"U\",\"timeout\":0,\"until\":\"==\",\"where\":[],"                \
    "\"columns\":[\"_uuid\"],\"rows\":[]}"
#define DELETE(uuid)     "{\"op\":\"delete\",\"table\":\"T\"," WHERE(uuid) "}"
#define ROW(uuid, fixed) "{\"_uuid\":[\"uuid\",\"" uuid "\"],\"fixed\":" fixed "}"

static struct schema *schema;
static struct db *wanted;

static void set(struct row *row, size_t column, const char *value)
{
    const struct column *c = &row->table->columns[column];
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    union datum datum;

    cursor_init(&cursor, slice_of(value));
    assert_null(datum_decode(&cursor, &c->type, DATUM_CHECK_ALL, NULL, &scratch, &datum));
    row_set(row, c, datum);
}

static struct row *add(const char *table, const char *uuid_text_)
{
    struct uuid uuid;
    bool is_new;

    assert_true(uuid_parse(slice_of(uuid_text_), &uuid));
    return db_load_row(wanted, schema_find_table(schema, slice_of(table)), uuid, &is_new);
}

static const struct test_case {
    bool knows_uuid;
    const char *rows;     // of T on the server
    const char *expected; // the operations after the "wait" operations
    size_t n_renamed;
} cases[] = {
    // The server has no rows: all rows are inserted with their UUID.
    {true, "[]",
     ",{\"op\":\"insert\",\"table\":\"T\",\"uuid\":\"" A
     "\",\"row\":{\"fixed\":1,\"refs\":[\"map\","
     "[[[\"uuid\",\"" A "\"],\"s\"]]]}}"
     ",{\"op\":\"insert\",\"table\":\"U\",\"uuid\":\"" A "\",\"row\":{\"n\":7}}",
     0},
    // Rows that the server has are updated, except immutable columns; other rows are deleted.
    {true, "[" ROW(A, "1") "," ROW(X, "1") "]",
     "," DELETE(X) ",{\"op\":\"update\",\"table\":\"T\"," WHERE(
         A) ",\"row\":{\"refs\":[\"map\","
            "[[[\"uuid\",\"" A "\"],\"s\"]]]}}"
            ",{\"op\":\"insert\",\"table\":\"U\",\"uuid\":\"" A "\",\"row\":{\"n\":7}}",
     0},
    // An immutable column differs: the row is deleted and inserted with a new UUID.
    {true, "[" ROW(A, "2") "]",
     "," DELETE(
         A) ",{\"op\":\"insert\",\"table\":\"T\",\"uuid-name\":"
            "\"row_0_0000000000004000800000000000000a\",\"row\":{\"fixed\":1,\"refs\":[\"map\","
            "[[[\"uuid\",\"" A "\"],\"s\"]]]}}"
            ",{\"op\":\"insert\",\"table\":\"U\",\"uuid\":\"" A "\",\"row\":{\"n\":7}}",
     1},
    // The server does not support "uuid": references use names. The rows of different tables with
    // the same UUID are different rows.
    {false, "[]",
     ",{\"op\":\"insert\",\"table\":\"T\",\"uuid-name\":"
     "\"row_0_0000000000004000800000000000000a\",\"row\":{\"fixed\":1,\"refs\":[\"map\","
     "[[[\"named-uuid\",\"row_1_0000000000004000800000000000000a\"],\"s\"]]]}}"
     ",{\"op\":\"insert\",\"table\":\"U\",\"uuid-name\":"
     "\"row_1_0000000000004000800000000000000a\",\"row\":{\"n\":7}}",
     2},
};

static void test_requests(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct test_case *c = &cases[i];
        const struct table_schema *t = schema_find_table(schema, SLICE("T"));
        const struct table_schema *u = schema_find_table(schema, SLICE("U"));
        _cleanup_(restore_request_done) struct restore_request request;
        const char *text;
        size_t n_renamed;

        restore_request_init(&request, wanted, c->knows_uuid);
        assert_null(restore_request_note(&request, u, SLICE("[]")));
        assert_null(restore_request_note(&request, t, slice_of(c->rows)));
        restore_request_end(&request, &n_renamed);
        assert_int_equal(n_renamed, c->n_renamed);
        text = buf_cstr(&request.params);
        assert_non_null(strstr(text, "\"comment\""));
        assert_non_null(strstr(text, c->expected));
        assert_string_equal(strstr(text, c->expected) + strlen(c->expected), "]");
    }
}

static void test_waits(void **state)
{
    const struct table_schema *t = schema_find_table(schema, SLICE("T"));
    const struct table_schema *u = schema_find_table(schema, SLICE("U"));
    _cleanup_(restore_request_done) struct restore_request request;

    restore_request_init(&request, wanted, true);
    assert_null(restore_request_note(&request, t, SLICE("[" ROW(A, "1") "]")));
    assert_null(restore_request_note(&request, u, SLICE("[]")));
    assert_non_null(strstr(buf_cstr(&request.params), WAIT("[" ROW(A, "1") "]")));
}

static void test_bad_rows(void **state)
{
    static const char *const bad[] = {"[5]", "[{}]", "[{\"_uuid\":[\"uuid\",\"" A "\"]}]",
                                      "[" ROW("x", "1") "]"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(restore_request_done) struct restore_request request;
        _cleanup_error_ struct ovsdb_error *error = NULL;

        restore_request_init(&request, wanted, true);
        error = restore_request_note(&request, &schema->tables[0], slice_of(bad[i]));
        assert_non_null(error);
    }
}

static int set_up(void **state)
{
    struct row *row;

    schema = schema_of_file("tools/restore.ovsschema");
    wanted = db_new(schema, uuid_random);
    row = add("T", A);
    set(row, COLUMN_VERSION + 1, "1");
    set(row, COLUMN_VERSION + 2, "[\"map\",[[[\"uuid\",\"" A "\"],\"s\"]]]");
    row = add("U", A);
    set(row, COLUMN_VERSION + 1, "7");
    return db_load_finish(wanted, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    db_free(wanted);
    schema_unref(schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_bad_rows),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
