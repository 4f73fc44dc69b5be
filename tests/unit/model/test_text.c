// SPDX-License-Identifier: Apache-2.0
// Text of values for people, as the tools print it.
#include "model_unit.h"

static void test_words(void **state)
{
    static const char *const plain[] = {
        "a",      "_a",   "a_b",  "a-b", "a.b", "True", "eth0",
        "br-int", "None", "null", "set", "ab-", "A",    "af111111-1111-1111-1111-111111111111x"};
    static const char *const quoted[] = {
        "",   "a b", "true", "false", "1",        "1a",  "-",
        ".a", "é",   "a,b",  "a=b",   "10.0.0.1", "a:b", "{}",
        "[]", "a/b", "a+",   "0x1",   "'",        "☃",   "af111111-1111-1111-1111-111111111111"};

    for (size_t i = 0; i < ARRAY_SIZE(plain) + ARRAY_SIZE(quoted); i++) {
        bool is_plain = i < ARRAY_SIZE(plain);
        const char *s = is_plain ? plain[i] : quoted[i - ARRAY_SIZE(plain)];
        char *expected = xasprintf(is_plain ? "%s" : "\"%s\"", s);
        union atom atom = {.string = text_new(slice_of(s))};
        struct buf buf = {0};

        atom_put_text(&buf, atom, ATOM_STRING);
        assert_string_equal(buf_cstr(&buf), expected);
        buf_done(&buf);
        atom_done(atom, ATOM_STRING);
        free(expected);
    }
}

static const struct {
    const char *type, *value, *text, *bare;
} rows[] = {
    {"\"integer\"", "-5", "-5", "-5"},
    {"\"real\"", "0.1", "0.1", "0.1"},
    {"\"boolean\"", "true", "true", "true"},
    {"\"string\"", "\"a\"", "a", "a"},
    {"\"string\"", "\"a \\\"b\\n\"", "\"a \\\"b\\n\"", "a \"b\n"},
    {"\"string\"", "\"\"", "\"\"", ""},
    {"\"uuid\"", "[\"uuid\",\"550e8400-e29b-41d4-a716-446655440000\"]",
     "550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {"{\"key\":\"string\",\"min\":0}", "[\"set\",[]]", "[]", ""},
    {"{\"key\":\"string\",\"min\":0}", "\"x\"", "x", "x"},
    {"{\"key\":\"string\",\"min\":0,\"max\":2}", "\"x\"", "[x]", "x"},
    {"{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}", "[\"set\",[]]", "[]", ""},
    {"{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}", "[\"set\",[\"b\",\"c d\",\"a\"]]",
     "[a, b, \"c d\"]", "a b c d"},
    {"{\"key\":\"boolean\",\"max\":2}", "[\"set\",[true,false]]", "[false, true]", "false true"},
    {"{\"key\":\"real\",\"min\":0,\"max\":9}", "[\"set\",[1,1.5,1e300,1e-5,-2]]",
     "[-2, 1e-05, 1, 1.5, 1e+300]", "-2 1e-05 1 1.5 1e+300"},
    {"{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":9}", "[\"map\",[]]", "{}", ""},
    {"{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":9}",
     "[\"map\",[[\"k 2\",\"v 2\"],[\"k\",\"\"]]]", "{k=\"\", \"k 2\"=\"v 2\"}", "k= k 2=v 2"},
    {"{\"key\":\"integer\",\"value\":\"real\"}", "[\"map\",[[1,1.5]]]", "{1=1.5}", "1=1.5"},
};

static void test_values(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);
        union datum datum = make_datum(&type, rows[i].value);
        struct buf buf = {0};

        datum_put_text(&buf, datum, &type);
        assert_string_equal(buf_cstr(&buf), rows[i].text);
        buf_clear(&buf);
        datum_put_bare(&buf, datum, &type);
        assert_string_equal(buf_cstr(&buf), rows[i].bare);
        buf_done(&buf);
        datum_done(datum, &type);
        type_done(&type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
