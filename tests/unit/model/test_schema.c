// SPDX-License-Identifier: Apache-2.0
// Parses the schemas of tests/data/model/schemas.json. A valid one must print as "prints", or as
// itself if there is no "prints". An invalid one must give the error of the table.
#include "model/schema.h"
#include "model_unit.h"
#include "schema_file.h"
#include "json/tree.h"

#include <stdio.h>

static const char *table_path;

static void check_good(const json_t *row, struct schema *schema)
{
    json_t *prints = json_object_get(row, "prints");
    char *expected = tree_text(prints ? prints : json_object_get(row, "schema"));
    struct schema *again = NULL;

    assert_slice_is(text_slice(schema->json), expected);
    assert_null(schema_from_text(text_slice(schema->json), &again));
    assert_slice_is(text_slice(again->json), expected);
    assert_true(schema_equals(schema, again));
    schema_unref(again);
    free(expected);
}

static void check_row(const json_t *row)
{
    const char *tag = json_string_value(json_object_get(row, "error"));
    struct schema *schema = NULL;
    struct ovsdb_error *error;
    char *text = tree_text(json_object_get(row, "schema"));

    error = schema_from_text(slice_of(text), &schema);
    if (!error == !!tag) {
        fail_msg("%s: %s", json_string_value(json_object_get(row, "what")),
                 error ? error->details : "is accepted");
    }
    if (tag) {
        assert_string_equal(error->details, json_string_value(json_object_get(row, "details")));
        assert_error_is(error, tag, "");
    } else {
        check_good(row, schema);
        schema_unref(schema);
    }
    free(text);
}

static void test_table(void **state)
{
    json_t *rows = json_load_file(table_path, 0, NULL);

    assert_true(json_array_size(rows) > 150);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        check_row(json_array_get(rows, i));
    }
    json_decref(rows);
}

static void test_not_json(void **state)
{
    struct schema *schema = NULL;

    assert_error_is(schema_from_text(SLICE("{\"name\":"), &schema), ERROR_SYNTAX, "no JSON");
    assert_error_is(schema_from_text(SLICE(""), &schema), ERROR_SYNTAX, "no JSON");
    assert_null(schema);
}

static void test_layout(void **state)
{
    struct schema *schema = schema_of_file("model/layout.ovsschema");
    const struct table_schema *a = schema_find_table(schema, SLICE("A"));
    const struct table_schema *b = schema_find_table(schema, SLICE("B"));
    static const struct {
        const char *name;
        unsigned offset, n_words;
    } expected[] = {{"Z", 0, 1}, {"i", 1, 1}, {"r", 2, 2}, {"u", 4, 2}};

    assert_int_equal(schema->n_tables, 2);
    assert_string_equal(schema->version, "1.2.3");
    assert_string_equal(schema->cksum, "4 5");
    assert_ptr_equal(a, &schema->tables[0]);
    assert_ptr_equal(b, &schema->tables[1]);
    assert_int_equal(b->index, 1);
    assert_false(a->is_root);
    assert_true(b->is_root);
    assert_int_equal(a->max_rows, 7);
    assert_true(b->max_rows == UINT32_MAX);
    assert_int_equal(b->n_columns, 6);
    assert_int_equal(b->n_words, 6);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        const struct column *column = table_schema_find_column(b, slice_of(expected[i].name));

        assert_ptr_equal(column, &b->columns[i + 2]);
        assert_int_equal(column->index, i + 2);
        assert_int_equal(column->offset, expected[i].offset);
        assert_int_equal(column->n_words, expected[i].n_words);
        assert_true(column->is_mutable && column->is_persistent);
    }
    assert_ptr_equal(b->columns[4].type.key.uuid.ref_table, a);
    assert_int_equal(b->n_indexes, 1);
    assert_int_equal(b->indexes[0].n_columns, 2);
    assert_string_equal(b->indexes[0].columns[0]->name, "i");
    assert_string_equal(b->indexes[0].columns[1]->name, "Z");
    assert_false(a->columns[2].is_mutable);
    schema_unref(schema);
}

static void test_find(void **state)
{
    struct schema *schema = schema_of_file("model/layout.ovsschema");
    const struct table_schema *a = schema_find_table(schema, SLICE("A"));

    assert_ptr_equal(table_schema_find_column(a, SLICE("_uuid")), &a->columns[COLUMN_UUID]);
    assert_ptr_equal(table_schema_find_column(a, SLICE("_version")), &a->columns[COLUMN_VERSION]);
    assert_false(a->columns[COLUMN_UUID].is_mutable);
    assert_true(a->columns[COLUMN_UUID].is_persistent);
    assert_false(a->columns[COLUMN_VERSION].is_persistent);
    assert_null(table_schema_find_column(a, SLICE("ss")));
    assert_null(table_schema_find_column(a, SLICE_EMPTY));
    assert_null(schema_find_table(schema, SLICE("AB")));
    assert_null(schema_find_table(schema, SLICE_EMPTY));
    schema_unref(schema);
}

// Strong references to a table that is no root are persistent even if they are declared ephemeral
// (RFC 7047 3.2).
static void test_durability(void **state)
{
    struct schema *schema = schema_of_file("model/durability.ovsschema");
    const struct table_schema *a = schema_find_table(schema, SLICE("A"));

    assert_false(table_schema_find_column(a, SLICE("e"))->is_persistent);
    assert_true(table_schema_find_column(a, SLICE("s"))->is_persistent);
    assert_true(table_schema_find_column(a, SLICE("s"))->is_ephemeral_declared);
    assert_false(table_schema_find_column(a, SLICE("t"))->is_persistent);
    assert_false(table_schema_find_column(a, SLICE("w"))->is_persistent);
    assert_true(table_schema_find_column(a, SLICE("w"))->is_mutable);
    schema_unref(schema);
}

static void test_needs_conversion(void **state)
{
    static const char *const texts[] = {
        "{\"name\":\"D\",\"tables\":{}}",
        "{\"name\":\"D\",\"cksum\":\"1 2\",\"tables\":{}}",
        "{\"name\":\"D\",\"cksum\":\"1 3\",\"tables\":{}}",
        "{\"name\":\"D\",\"version\":\"1.0.0\",\"tables\":{}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
            struct schema *a = schema_of_text(texts[i]), *b = schema_of_text(texts[j]);

            assert_int_equal(schema_needs_conversion(a, b), i != j);
            schema_unref(a);
            schema_unref(b);
        }
    }
}

// The first schema of the table is compared with each.
static void test_equals(void **state)
{
    _cleanup_tree_ json_t *rows = data_tree("model/equal-schemas.json");
    _cleanup_schema_ struct schema *schema =
        schema_of_tree(json_object_get(json_array_get(rows, 0), "schema"));
    const json_t *row;
    size_t i;

    assert_int_equal(json_array_size(rows), 14);
    json_array_foreach(rows, i, row)
    {
        _cleanup_schema_ struct schema *other = schema_of_tree(json_object_get(row, "schema"));

        assert_int_equal(schema_equals(schema, other), json_is_true(json_object_get(row, "equal")));
    }
}

static struct ovsdb_error *parse_wide_table(unsigned n_columns, struct schema **ret)
{
    struct ovsdb_error *error;
    struct buf text = {0};

    buf_puts(&text, "{\"name\":\"D\",\"tables\":{\"T\":{\"columns\":{");
    for (unsigned i = 0; i < n_columns; i++) {
        buf_printf(&text, "%s\"c%u\":{\"type\":\"uuid\"}", i ? "," : "", i);
    }
    buf_puts(&text, "}}}}");
    error = schema_from_text(buf_slice(&text), ret);
    buf_done(&text);
    return error;
}

// The layout of rows limits the number of columns.
static void test_many_columns(void **state)
{
    struct schema *schema = NULL;

    assert_error_is(parse_wide_table(32001, &schema), ERROR_SYNTAX, "32000 columns");
    assert_null(parse_wide_table(32000, &schema));
    assert_int_equal(schema->tables[0].n_words, 64000);
    assert_int_equal(schema->tables[0].columns[32001].offset, 63998);
    schema_unref(schema);
}

static void test_references_counted(void **state)
{
    struct schema *schema = schema_of_file("model/layout.ovsschema");

    assert_ptr_equal(schema_ref(schema), schema);
    schema_unref(schema);
    assert_string_equal(schema->name, "D");
    schema_unref(schema);
    schema_unref(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_durability),
        cmocka_unit_test(test_equals),
        cmocka_unit_test(test_needs_conversion),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_references_counted),
    };

    table_path = argv[argc - 1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
