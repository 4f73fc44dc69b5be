// SPDX-License-Identifier: Apache-2.0
// Decodes the records of tests/data/cluster/records.json. A good one must be written as "prints",
// or as itself; a bad one must give the error of the table.
#include "cluster_unit.h"

#include "cluster/fields.h"

static const char *table_path;

static struct ovsdb_error *decode_and_put(const json_t *row, struct slice text, struct buf *ret)
{
    struct file_header header = {0};
    struct file_record record = {0};
    struct ovsdb_error *error;

    if (json_object_get(row, "header")) {
        error = file_header_decode(text, &header);
        if (!error) {
            file_header_put(ret, &header);
        }
    } else {
        error = file_record_decode(text, &record);
        if (!error) {
            file_record_put(ret, &record);
        }
    }
    file_header_done(&header);
    file_record_done(&record);
    return error;
}

static void check_row(const json_t *row)
{
    const json_t *header = json_object_get(row, "header"), *prints = json_object_get(row, "prints");
    const json_t *input = header ? header : json_object_get(row, "record");
    char *text = tree_text(input), *expected = tree_text(prints ? prints : input);
    _cleanup_buf_ struct buf put = {0};
    struct ovsdb_error *error = decode_and_put(row, slice_of(text), &put);

    if (!error) {
        assert_slice_is(buf_slice(&put), expected);
    }
    assert_error_of_row(row, error);
    free(text);
    free(expected);
}

static void test_table(void **state)
{
    for_each_row(table_path, 70, check_row);
}

// Of a repeated member the last one counts.
static void test_repeated_member(void **state)
{
    struct file_record record;

    assert_null(file_record_decode(SLICE("{ \"term\" : \"x\" , \"term\" : 2 }"), &record));
    assert_int_equal(record.kind, FILE_RECORD_TERM);
    assert_int_equal(record.term, 2);
    file_record_done(&record);
}

// The first error is kept, and ends the reading of values.
static void test_fields(void **state)
{
    struct ovsdb_error *error;
    struct fields fields;

    fields_begin(&fields, SLICE("{\"term\":\"x\",\"index\":\"y\",\"note\":\"n\"}"), "it");
    assert_true(fields_has(&fields, FIELD_TERM));
    assert_false(fields_has(&fields, FIELD_VOTE));
    assert_int_equal(fields_uint64(&fields, FIELD_TERM, true), 0);
    assert_int_equal(fields_uint64(&fields, FIELD_INDEX, true), 0);
    assert_null(fields_string(&fields, FIELD_NOTE, false));
    error = fields_end(&fields);
    assert_string_equal(error->details, "the member \"term\" of it: an integer is expected");
    error_free(error);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_repeated_member),
        cmocka_unit_test(test_fields),
    };

    table_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
