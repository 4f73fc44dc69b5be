// SPDX-License-Identifier: Apache-2.0
#include "unit.h"
#include "json/message.h"

static const struct {
    const char *text;
    const char *error;      // or NULL
    enum message_type type; // of a good one
} samples[] = {
    {"{\"method\":\"echo\",\"params\":[1],\"id\":7}", NULL, MESSAGE_REQUEST},
    {"{\"method\":\"echo\",\"params\":[1],\"id\":{\"a\":[]},\"error\":null,\"result\":null}", NULL,
     MESSAGE_REQUEST},
    {"{\"method\":\"echo\",\"params\":[],\"id\":null}", NULL, MESSAGE_NOTIFICATION},
    {"{\"method\":\"echo\",\"params\":[]}", NULL, MESSAGE_NOTIFICATION},
    {"{\"id\":1,\"result\":[],\"error\":null}", NULL, MESSAGE_REPLY},
    {"{\"id\":1,\"result\":null,\"error\":null}", NULL, MESSAGE_REPLY},
    {"{\"id\":1,\"result\":null,\"error\":\"x\"}", NULL, MESSAGE_ERROR},
    {"{\"id\":1,\"error\":{}}", NULL, MESSAGE_ERROR},
    {"5", "message is not an object", 0},
    {"[]", "message is not an object", 0},
    {"{}", "neither a request nor a reply", 0},
    {"{\"id\":1}", "reply without \"result\" and \"error\"", 0},
    {"{\"method\":\"a\",\"id\":1}", "request without an array \"params\"", 0},
    {"{\"method\":\"a\",\"params\":{},\"id\":1}", "request without an array \"params\"", 0},
    {"{\"method\":\"a\",\"params\":null,\"id\":1}", "request without an array \"params\"", 0},
    {"{\"method\":5,\"params\":[],\"id\":1}", "\"method\" is not a string", 0},
    {"{\"method\":\"a\",\"params\":[],\"id\":1,\"x\":2}", "message has an unexpected member \"x\"",
     0},
    {"{\"method\":\"a\",\"params\":[],\"id\":1,\"error\":2}",
     "message is both a request and a reply", 0},
    {"{\"method\":\"a\",\"params\":[],\"id\":1,\"result\":2}",
     "message is both a request and a reply", 0},
    {"{\"params\":[],\"id\":1}", "\"params\" without \"method\"", 0},
};

static void test_parse(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        _cleanup_buf_ struct buf scratch = {0};
        struct message message;
        const char *error = message_parse(slice_of(samples[i].text), &scratch, &message);

        if (samples[i].error) {
            assert_non_null(error);
            assert_string_equal(error, samples[i].error);
        } else {
            assert_null(error);
            assert_int_equal(message.type, samples[i].type);
        }
    }
}

static void test_slices(void **state)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message m;

    assert_null(message_parse(
        SLICE(" { \"id\" : [1, 2] , \"params\":[ {\"a\":1} ], \"\\u006dethod\":\"e\\u0063ho\" } "),
        &scratch, &m));
    assert_slice_is(m.method, "echo");
    assert_slice_is(m.params, "[ {\"a\":1} ]");
    assert_slice_is(m.id, "[1, 2]");
    // The last of repeated members counts.
    assert_null(
        message_parse(SLICE("{\"id\":1,\"result\":2,\"result\":3,\"id\":4}"), &scratch, &m));
    assert_slice_is(m.result, "3");
    assert_slice_is(m.id, "4");
}

static void test_write(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    message_put_reply(&buf, SLICE("[ 1.0 ]"), SLICE("{}"));
    assert_string_equal(buf_cstr(&buf), "{\"error\":null,\"id\":[ 1.0 ],\"result\":{}}");
    buf_clear(&buf);
    message_put_error(&buf, SLICE("\"x\""), SLICE("\"canceled\""));
    assert_string_equal(buf_cstr(&buf), "{\"error\":\"canceled\",\"id\":\"x\",\"result\":null}");
    buf_clear(&buf);
    message_begin_notification(&buf, "update");
    assert_string_equal(buf_cstr(&buf), "{\"id\":null,\"method\":\"update\",\"params\":");
    buf_clear(&buf);
    message_put_request(&buf, SLICE("list_dbs"), SLICE("[]"), SLICE("0"));
    assert_string_equal(buf_cstr(&buf), "{\"id\":0,\"method\":\"list_dbs\",\"params\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
