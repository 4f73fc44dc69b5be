// SPDX-License-Identifier: Apache-2.0
// Rows as the tools read them: the values of columns, and the names of rows in a log.
#include "schema_file.h"

#include "tools/ovsdb-tool/row_names.h"
#include "tools/row_values.h"

static struct schema *schema;

static const struct column *column(const char *name)
{
    return table_schema_find_column(&schema->tables[0], slice_of(name));
}

static void init(struct row_values *row, const char *first, const char *second)
{
    const struct column **columns = NEW_ARRAY(const struct column *, 2);

    columns[0] = column(first);
    columns[1] = column(second);
    row_values_init(row, columns, 2);
}

static void test_values(void **state)
{
    _cleanup_(row_values_done) struct row_values row = {0};
    _cleanup_buf_ struct buf text = {0};
    union datum value;

    init(&row, "name", "set");
    assert_null(row_values_read(
        &row, SLICE("{\"other\":[1,{}],\"set\":[\"set\",[2,1]],\"name\":\"a\",\"name\":\"b\"}")));
    assert_true(row.present[0] && row.present[1]);
    value = row_values_take(&row, 1);
    assert_false(row.present[1]);
    datum_put(&text, value, &row.columns[1]->type);
    datum_done(value, &row.columns[1]->type);
    assert_string_equal(buf_cstr(&text), "[\"set\",[1,2]]");
    assert_null(row_values_read(&row, SLICE("{}")));
    assert_false(row.present[0] || row.present[1]);
}

static void test_bad_values(void **state)
{
    _cleanup_(row_values_done) struct row_values row = {0};
    static const char *const bad[] = {"[]", "5", "{\"name\":5}", "{\"set\":[\"set\",[\"x\"]]}",
                                      "{\"name\":\"a\",\"name\":[]}"};

    init(&row, "name", "set");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_error_ struct ovsdb_error *error = row_values_read(&row, slice_of(bad[i]));

        assert_non_null(error);
    }
}

// Each row is less than the next.
static void test_compare(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"set\":3}",
        "{\"name\":\"a\"}",
        "{\"name\":\"a\",\"set\":[\"set\",[]]}",
        "{\"name\":\"a\",\"set\":1}",
        "{\"name\":\"b\",\"set\":1}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
            _cleanup_(row_values_done) struct row_values a = {0};
            _cleanup_(row_values_done) struct row_values b = {0};
            int cmp;

            init(&a, "name", "set");
            init(&b, "name", "set");
            assert_null(row_values_read(&a, slice_of(rows[i])));
            assert_null(row_values_read(&b, slice_of(rows[j])));
            cmp = row_values_compare(&a, &b);
            assert_int_equal((cmp > 0) - (cmp < 0), (i > j) - (i < j));
        }
    }
}

static void test_names(void **state)
{
    _cleanup_(row_names_done) struct row_names names = {0};

    assert_null(row_names_find(&names, "T", "u1"));
    row_names_note(&names, "T", "u1", SLICE("{\"x\":1}"));
    assert_string_equal(row_names_find(&names, "T", "u1"), "");
    row_names_note(&names, "T", "u1", SLICE("{\"name\":\"a\\n\"}"));
    assert_string_equal(row_names_find(&names, "T", "u1"), "\"a\\n\"");
    // A record without a name keeps the former one.
    row_names_note(&names, "T", "u1", SLICE("{\"name\":5}"));
    row_names_note(&names, "T", "u1", SLICE("null"));
    assert_string_equal(row_names_find(&names, "T", "u1"), "\"a\\n\"");
    // The same UUID in another table is another row.
    assert_null(row_names_find(&names, "U", "u1"));
    row_names_note(&names, "U", "u1", SLICE("{\"name\":\"b\"}"));
    row_names_forget(&names, "T", "u1");
    row_names_forget(&names, "T", "u1");
    assert_null(row_names_find(&names, "T", "u1"));
    assert_string_equal(row_names_find(&names, "U", "u1"), "\"b\"");
}

static int set_up(void **state)
{
    schema = schema_of_file("tools/rows.ovsschema");
    return 0;
}

static int tear_down(void **state)
{
    schema_unref(schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
