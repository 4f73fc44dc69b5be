// SPDX-License-Identifier: Apache-2.0
// Loads the records of tests/data/store/records.json. "records" are JSON values, or strings with
// the text of the record. "rows" has the expected rows of table T, or "error" a part of the
// expected error.
#include "store_unit.h"

#include "store/encode.h"
#include "json/tree.h"

static json_t *cases;

static int load_cases(const char *folder)
{
    _cleanup_free_ char *path = xasprintf("%s/records.json", folder);
    json_error_t error;

    cases = json_load_file(path, 0, &error);
    if (!cases) {
        fprintf(stderr, "%s: line %d: %s\n", path, error.line, error.text);
    }
    return cases ? 0 : -1;
}

static void write_case(const json_t *item)
{
    _cleanup_buf_ struct buf file = {0};
    const json_t *record;
    size_t i;

    put_schema(&file, TEST_SCHEMA);
    json_array_foreach(json_object_get(item, "records"), i, record)
    {
        _cleanup_free_ char *text =
            json_is_string(record) ? xstrdup(json_string_value(record)) : tree_text(record);

        put_record(&file, text);
    }
    write_file("d.db", buf_slice(&file));
}

// ,"T":{rows}} or just }.
static char *expected_dump(const json_t *rows)
{
    _cleanup_free_ char *text = tree_text(rows);

    return json_object_size(rows) ? xasprintf(",\"T\":%s}", text) : xstrdup("}");
}

static void run_case(const json_t *item)
{
    const char *error_part = json_string_value(json_object_get(item, "error"));
    struct store *store = NULL;
    struct ovsdb_error *error;

    write_case(item);
    error = store_open("d.db", STORE_READ_ONLY, NULL, NULL, &store, NULL);
    if (error_part) {
        assert_error(error, error_part);
    } else {
        _cleanup_free_ char *expected = expected_dump(json_object_get(item, "rows"));
        _cleanup_free_ char *actual = NULL;

        assert_ok(error);
        actual = dump(store_db(store));
        assert_string_equal(actual, expected);
        store_close(store);
    }
}

static void test_cases(void **state)
{
    const json_t *item;
    size_t i;

    assert_true(json_array_size(cases) > 30);
    json_array_foreach(cases, i, item)
    {
        print_message("    %s\n", json_string_value(json_object_get(item, "name")));
        run_case(item);
    }
}

static void test_info(void **state)
{
    static const struct {
        const char *record;
        uint64_t date_ms;
        const char *comment;
        bool is_diff;
    } infos[] = {
        {"{}", 0, "", false},
        {"{\"_date\":1700000000123,\"_comment\":\"a\\nb\",\"_is_diff\":true}", 1700000000123,
         "a\nb", true},
        {"{\"T\":{\"_date\":5},\"_date\":1500000000,\"_is_diff\":false}", 1500000000000, "", false},
        {"{\"_date\":4294967295}", 4294967295000, "", false},
        {"{\"_date\":4294967296}", 4294967296, "", false},
        {"{\"_date\":-5,\"_comment\":[1]}", 0, "", false},
        {"{\"_date\":1.5,\"_is_diff\":1}", 0, "", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
        _cleanup_buf_ struct buf scratch = {0};
        struct record_info info;

        decode_info(slice_of(infos[i].record), &scratch, &info);
        assert_int_equal(info.date_ms, infos[i].date_ms);
        assert_slice_is(info.comment, infos[i].comment);
        assert_int_equal(info.is_diff, infos[i].is_diff);
    }
}

// Constraints of the whole database are checked after the last record.
static void test_constraints(void **state)
{
    _cleanup_tree_ json_t *items = data_tree("store/constraints.json");
    const json_t *item;
    size_t i;

    assert_int_equal(json_array_size(items), 3);
    json_array_foreach(items, i, item)
    {
        _cleanup_free_ char *schema = tree_text(json_object_get(item, "schema"));
        _cleanup_free_ char *record = tree_text(json_object_get(item, "record"));
        const char *expected = json_string_value(json_object_get(item, "error"));
        _cleanup_buf_ struct buf file = {0};
        struct store *store = NULL;
        struct ovsdb_error *error;

        put_record(&file, schema);
        put_record(&file, record);
        write_file("d.db", buf_slice(&file));
        error = store_open("d.db", STORE_READ_ONLY, NULL, NULL, &store, NULL);
        if (expected) {
            assert_error(error, expected);
        } else {
            assert_ok(error);
            store_close(store);
        }
    }
}

static void test_bad_schema(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    struct store *store;

    put_record(&file, "{\"name\":\"d\",\"tables\":5}");
    write_file("d.db", buf_slice(&file));
    assert_error(store_open("d.db", STORE_READ_ONLY, NULL, NULL, &store, NULL),
                 "d.db: record 0 at offset 0: ");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_constraints),
        cmocka_unit_test(test_bad_schema),
    };

    if (argc != 2 || load_cases(argv[1])) {
        return 2;
    }
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
