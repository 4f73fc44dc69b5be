// SPDX-License-Identifier: Apache-2.0
// The schema and the transactions of a log: from the snapshot, or from the last conversion on.
#include "cluster_unit.h"

#include "cluster/contents.h"

#define ID "aaaaaaaa-0000-4000-8000-00000000000"

static const char header[] =
    "{\"server_id\":\"" ID
    "1\",\"local_address\":\"tcp:127.0.0.1:1\",\"name\":\"o\","
    "\"cluster_id\":\"" ID
    "2\",\"prev_term\":1,\"prev_index\":5,"
    "\"prev_servers\":{\"" ID
    "1\":\"tcp:127.0.0.1:1\"},"
    "\"prev_data\":[{\"name\":\"first\"},{\"t\":{}}],\"prev_eid\":\"" ID "3\"}";

static struct member_log *log_of(const char *const *records, size_t n)
{
    json_t *array = json_array();
    struct member_log *log;

    json_array_append_new(array, json_loads(header, 0, NULL));
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, json_loads(records[i], 0, NULL));
    }
    assert_null(make_log(array, &log));
    json_decref(array);
    return log;
}

static const char *const records[] = {
    "{\"term\":1,\"index\":6}",
    "{\"term\":1,\"index\":7,\"data\":[null,{\"t\":{\"a\":null}}],\"eid\":\"" ID "4\"}",
    "{\"term\":1,\"index\":8,\"data\":[null,null],\"eid\":\"" ID "5\"}",
    "{\"term\":1,\"index\":9,\"data\":[null,{}],\"eid\":\"" ID "6\"}",
    "{\"term\":1,\"index\":10,\"data\":[{\"name\":\"second\"},null],\"eid\":\"" ID "7\"}",
    "{\"term\":1,\"index\":11,\"data\":[null,{\"t\":{\"b\":null}}],\"eid\":\"" ID "8\"}",
};

static void test_without_a_conversion(void **state)
{
    _cleanup_member_log_ struct member_log *log = log_of(records, 4);
    struct contents contents;

    contents_init(&contents, log);
    assert_slice_is(contents.schema, "{\"name\":\"first\"}");
    assert_int_equal(contents.schema_index, 5);
    assert_int_equal(contents.n_transactions, 2);
    assert_slice_is(contents.transactions[0].text, "{\"t\":{}}");
    assert_int_equal(contents.transactions[0].index, 5);
    assert_slice_is(contents.transactions[1].text, "{\"t\":{\"a\":null}}");
    assert_int_equal(contents.transactions[1].index, 7);
    contents_done(&contents);
}

static void test_after_a_conversion(void **state)
{
    _cleanup_member_log_ struct member_log *log = log_of(records, ARRAY_SIZE(records));
    struct contents contents;

    contents_init(&contents, log);
    assert_slice_is(contents.schema, "{\"name\":\"second\"}");
    assert_int_equal(contents.schema_index, 10);
    assert_int_equal(contents.n_transactions, 1);
    assert_slice_is(contents.transactions[0].text, "{\"t\":{\"b\":null}}");
    contents_done(&contents);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_conversion),
        cmocka_unit_test(test_after_a_conversion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
