// SPDX-License-Identifier: Apache-2.0
#include "store_unit.h"

#include "store/record.h"

#define HASH "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static void test_header(void **state)
{
    static const struct {
        const char *line;
        uint64_t size; // 0: no header
        bool is_prefix;
    } cases[] = {
        {"OVSDB JSON 5 " HASH, 5, true},
        {"OVSDB JSON 922337203685477579 " HASH, 922337203685477579, true},
        {"OVSDB JSON 5 DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", 5, true},
        {"OVSDB JSON 0 " HASH, 0, true},
        {"OVSDB JSON 99999999999999999999 " HASH, 0, true},
        {"OVSDB JSON  5 " HASH, 0, false},
        {"OVSDB JSON -5 " HASH, 0, false},
        {"OVSDB JSON 5 " HASH "0", 0, false},
        {"OVSDB JSON 5 " HASH " ", 0, false},
        {"OVSDB JSON 5 da39a3ee5e6b4b0d3255bfef95601890afd8070x", 0, false},
        {"OVSDB JSON 5 da39", 0, true},
        {"OVSDB JSON 5 ", 0, true},
        {"OVSDB JSON 5", 0, true},
        {"OVSDB JSON ", 0, true},
        {"OVSDB JSON x", 0, false},
        {"OVS", 0, true},
        {"", 0, true},
        {"garbage", 0, false},
        {"OVSDB JSON 5\r", 0, false},
        {"OVSDB CLUSTER 5 " HASH, 0, false},
        {" OVSDB JSON 5 " HASH, 0, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct record_header header;
        bool ok = record_header_parse(RECORD_MAGIC, slice_of(cases[i].line), &header);

        if (ok != !!cases[i].size || (ok && header.size != cases[i].size) ||
            record_header_is_prefix(RECORD_MAGIC, slice_of(cases[i].line)) != cases[i].is_prefix) {
            fail_msg("\"%s\"", cases[i].line);
        }
    }
}

// The hash of the empty string, and of two lines made with another program.
static void test_hash(void **state)
{
    _cleanup_buf_ struct buf buf = {0};
    uint8_t sha1[RECORD_ID_SIZE];
    char text[UUID_TEXT_SIZE];

    record_sha1(SLICE(""), sha1);
    assert_string_equal(uuid_text(record_txn_id(sha1), text),
                        "da39a3ee-5e6b-4b0d-3255-bfef95601890");
    // $ printf '{"a":1}\n' | sha1sum
    record_begin(&buf);
    buf_puts(&buf, "{\"a\":1}");
    assert_slice_is(record_end(&buf, sha1),
                    "OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85059\n{\"a\":1}\n");
    record_begin(&buf);
    assert_slice_is(record_end(&buf, sha1),
                    "OVSDB JSON 1 adc83b19e793491b1c6ea0fd8b46cd9f32e592fc\n\n");
}

static void test_check(void **state)
{
    struct slice text;

    assert_ok(record_check(SLICE(" {\"a\":\n1} "), &text));
    assert_slice_is(text, "{\"a\":\n1}");
    assert_error(record_check(SLICE("{\"a\":}"), &text), "byte 5");
    assert_error(record_check(SLICE("[1]"), &text), "not a JSON object");
    assert_error(record_check(SLICE("{} {}"), &text), "no valid JSON");
    assert_error(record_check(SLICE(""), &text), "no valid JSON");
    assert_error(record_check(SLICE("{\"\xff\":1}"), &text), "no valid JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
