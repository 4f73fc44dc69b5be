// SPDX-License-Identifier: Apache-2.0
// The tables and their expected output are in tests/data/tools/tables.json (argv[1]).
#include "unit.h"

#include "basic/file.h"
#include "tools/table_formatter.h"
#include "json/tree.h"

#include <stdio.h>

static json_t *fixtures;
static struct type types[64]; // of the table being built: must outlive it
static size_t n_types;

static void add_value(struct table_formatter *table, json_t *cell)
{
    _cleanup_free_ char *text = tree_text(json_object_get(cell, "value"));
    _cleanup_buf_ struct buf scratch = {0};
    struct type *type = &types[n_types++];
    struct cursor cursor;
    union datum value;

    assert_true(n_types <= ARRAY_SIZE(types));
    assert_null(type_from_json(json_object_get(cell, "type"), type));
    cursor_init(&cursor, slice_of(text));
    assert_null(datum_decode(&cursor, type, DATUM_CHECK_ALL, NULL, &scratch, &value));
    table_formatter_add_datum(table, value, type);
}

static void add_cell(struct table_formatter *table, json_t *cell)
{
    if (json_is_null(cell)) {
        table_formatter_add_empty(table);
    } else if (json_object_get(cell, "text")) {
        table_formatter_add_text(table, slice_of(json_string_value(json_object_get(cell, "text"))));
    } else if (json_object_get(cell, "json")) {
        _cleanup_free_ char *text = tree_text(json_object_get(cell, "json"));

        table_formatter_add_json(table, slice_of(text));
    } else {
        add_value(table, cell);
    }
}

static void build(struct table_formatter *table, json_t *description)
{
    json_t *row, *item;
    size_t i, j;

    if (json_object_get(description, "caption")) {
        table_formatter_set_caption(table,
                                    json_string_value(json_object_get(description, "caption")));
    }
    json_array_foreach(json_object_get(description, "headings"), i, item)
    {
        table_formatter_add_column(table, json_string_value(item));
    }
    json_array_foreach(json_object_get(description, "rows"), i, row)
    {
        json_array_foreach(row, j, item)
        {
            add_cell(table, item);
        }
    }
    assert_int_equal(table_formatter_n_rows(table),
                     json_array_size(json_object_get(description, "rows")));
}

static struct table_style style_of(json_t *test)
{
    struct table_style style = {
        .no_headings = json_is_true(json_object_get(test, "no_headings")),
        .pretty = json_is_true(json_object_get(test, "pretty")),
        .max_column_width = json_integer_value(json_object_get(test, "max_column_width")),
    };

    assert_true(
        table_format_parse(json_string_value(json_object_get(test, "format")), &style.format));
    assert_true(table_data_parse(json_string_value(json_object_get(test, "data")), &style.data));
    return style;
}

static char *expected_text(json_t *test)
{
    struct buf text = {0};
    json_t *line;
    size_t i;

    json_array_foreach(json_object_get(test, "lines"), i, line)
    {
        buf_printf(&text, "%s\n", json_string_value(line));
    }
    return buf_steal(&text);
}

static void run_case(json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "table"));
    json_t *description = json_object_get(json_object_get(fixtures, "tables"), name);
    _cleanup_free_ char *expected = expected_text(test);
    struct table_style style = style_of(test);
    _cleanup_buf_ struct buf text = {0};
    struct table_formatter table = {0};

    assert_non_null(description);
    build(&table, description);
    table.timestamp = json_integer_value(json_object_get(test, "timestamp"));
    table_formatter_put(&text, &table, &style, !json_is_false(json_object_get(test, "first")));
    table_formatter_done(&table);
    while (n_types) {
        type_done(&types[--n_types]);
    }
    assert_string_equal(buf_cstr(&text), expected);
}

static void test_fixtures(void **state)
{
    json_t *test;
    size_t i;

    assert_true(json_array_size(json_object_get(fixtures, "cases")) > 30);
    json_array_foreach(json_object_get(fixtures, "cases"), i, test)
    {
        run_case(test);
    }
}

static void test_names(void **state)
{
    enum table_format format = TABLE_FORMAT_CSV;
    enum table_data data = TABLE_DATA_BARE;

    assert_false(table_format_parse("xml", &format));
    assert_false(table_format_parse("", &format));
    assert_int_equal(format, TABLE_FORMAT_CSV);
    assert_true(table_format_parse("list", &format));
    assert_int_equal(format, TABLE_FORMAT_LIST);
    assert_false(table_data_parse("table", &data));
    assert_int_equal(data, TABLE_DATA_BARE);
    assert_true(table_data_parse("json", &data));
    assert_int_equal(data, TABLE_DATA_JSON);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_names),
    };
    _cleanup_buf_ struct buf text = {0};
    _cleanup_free_ char *error = NULL;
    int failed;

    if (argc != 2 || file_read(argv[1], &text) < 0) {
        fprintf(stderr, "the fixtures are missing\n");
        return EXIT_FAILURE;
    }
    fixtures = tree_parse(buf_slice(&text), &error);
    if (!fixtures) {
        fprintf(stderr, "%s: %s\n", argv[1], error);
        return EXIT_FAILURE;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(fixtures);
    return failed;
}
