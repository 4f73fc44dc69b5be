// SPDX-License-Identifier: Apache-2.0
#include "control/reply.h"
#include "unit.h"

static const struct command_field fields[] = {
    {"s", FIELD_STRING},
    {"i", FIELD_INTEGER, true},
    {"r", FIELD_REAL, true},
    {"b", FIELD_BOOLEAN, true},
    {"ss", FIELD_STRINGS, true},
    {"c", FIELD_COUNTERS, true},
    {"rec", FIELD_RECORDS, true, COMMAND_FIELDS({"n", FIELD_INTEGER}, {"t", FIELD_STRING, true})},
    {NULL},
};

static void test_types(void **state)
{
    static const struct {
        const char *reply;
        bool expected;
    } table[] = {
        {"{}", false}, // "s" is missing
        {"[]", false},
        {"{\"s\":\"\"}", true},
        {"{\"s\":1}", false},
        {"{\"s\":null}", false},
        {"{\"s\":\"\",\"other\":1}", false},
        {"{\"s\":\"\",\"i\":-3}", true},
        {"{\"s\":\"\",\"i\":1.0}", false},
        {"{\"s\":\"\",\"r\":1.0}", true},
        {"{\"s\":\"\",\"r\":1}", false},
        {"{\"s\":\"\",\"b\":true}", true},
        {"{\"s\":\"\",\"b\":0}", false},
        {"{\"s\":\"\",\"ss\":[]}", true},
        {"{\"s\":\"\",\"ss\":[\"a\",\"b\"]}", true},
        {"{\"s\":\"\",\"ss\":[\"a\",1]}", false},
        {"{\"s\":\"\",\"ss\":\"a\"}", false},
        {"{\"s\":\"\",\"c\":{\"x\":1}}", true},
        {"{\"s\":\"\",\"c\":{\"x\":\"1\"}}", false},
        {"{\"s\":\"\",\"c\":[1]}", false},
        {"{\"s\":\"\",\"rec\":[]}", true},
        {"{\"s\":\"\",\"rec\":[{\"n\":1},{\"n\":2,\"t\":\"\"}]}", true},
        {"{\"s\":\"\",\"rec\":[{\"t\":\"\"}]}", false},
        {"{\"s\":\"\",\"rec\":[{\"n\":1,\"u\":1}]}", false},
        {"{\"s\":\"\",\"rec\":{\"n\":1}}", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        json_t *reply = json_loads(table[i].reply, 0, NULL);

        assert_non_null(reply);
        if (reply_has_type(reply, fields) != table[i].expected) {
            fail_msg("%s", table[i].reply);
        }
        json_decref(reply);
    }
}

static void check_print(command_print *print, const char *reply_text, const char *expected)
{
    json_t *reply = json_loads(reply_text, 0, NULL);
    struct buf text = {0};

    print(reply, &text);
    assert_string_equal(buf_cstr(&text), expected);
    buf_done(&text);
    json_decref(reply);
}

static void test_print(void **state)
{
    check_print(reply_print_lines, "{\"x\":[]}", "");
    check_print(reply_print_lines, "{\"x\":[\"a b\",\"c\"]}", "a b\nc\n");
    check_print(reply_print_counters, "{\"x\":{}}", "");
    check_print(reply_print_counters, "{\"x\":{\"b\":2,\"a\":1,\"c-d\":-3}}", "a:1 b:2 c-d:-3");
    check_print(reply_print_integer, "{\"x\":9007199254740993}", "9007199254740993");
}

static void test_text(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } table[] = {{"", ""}, {"a\xc3\xa9", "a\xc3\xa9"}, {"a\xc3\xa9\xff", "a???"}};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        json_t *string = reply_text(table[i].text);

        assert_string_equal(json_string_value(string), table[i].expected);
        json_decref(string);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
