// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "tools/pretty.h"

static const struct {
    const char *json;
    const char *compact;
    const char *pretty;
} samples[] = {
    {" 1.0 ", "1", "1"},
    {"\"a\\u0041\"", "\"aA\"", "\"aA\""},
    {"[]", "[]", "[]"},
    {"{ }", "{}", "{\n  }"},
    {"[1, [2], []]", "[1,[2],[]]", "[\n  1,\n  [\n    2],\n  []]"},
    {"{\"b\": 1, \"a\": {\"c\": null}}", "{\"a\":{\"c\":null},\"b\":1}",
     "{\n  \"a\": {\n    \"c\": null},\n  \"b\": 1}"},
    {"[{}]", "[{}]", "[\n  {\n    }]"},
    {"{\"a\\nb\":1}", "{\"a\\nb\":1}", "{\n  \"a\\nb\": 1}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}", "{\n  \"a\": 2}"},
};

static void test_samples(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        _cleanup_buf_ struct buf compact = {0};
        _cleanup_buf_ struct buf pretty = {0};

        pretty_put(&compact, slice_of(samples[i].json), false);
        pretty_put(&pretty, slice_of(samples[i].json), true);
        assert_string_equal(buf_cstr(&compact), samples[i].compact);
        assert_string_equal(buf_cstr(&pretty), samples[i].pretty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
