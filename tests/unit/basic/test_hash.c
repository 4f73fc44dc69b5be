// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"
#include "unit.h"

#include <endian.h>

// SipHash-1-3 with a key of zeros of the bytes 0, 1, 2, ...: what CPython 3.11 computes as
// hash(bytes(range(n))) when PYTHONHASHSEED is 0.
static void test_reference_values(void **state)
{
    static const struct {
        size_t size;
        uint64_t hash;
    } cases[] = {
        {8, 0xead411e67ebe2eea},  {9, 0x75927f9d95124362},  {15, 0xf30eb725bb91c9ea},
        {16, 0x8972188433a5c5b7}, {17, 0x4883c49a2c009c1d}, {23, 0x37332b1389daa4ff},
        {24, 0x31185a47af932f3a}, {32, 0x31ef8061c910629b},
    };
    uint8_t bytes[32];
    uint64_t words[2];

    hash_set_key(0, 0);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    memcpy(words, bytes, sizeof(words));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(hash_bytes(bytes + 8, cases[i].size - 8, le64toh(words[0])) == cases[i].hash);
    }
    assert_true(hash_u64(le64toh(words[1]), le64toh(words[0])) == 0x8972188433a5c5b7);
}

static void test_key_and_basis_matter(void **state)
{
    uint64_t hash;

    hash_set_key(1, 2);
    hash = hash_bytes("abc", 3, 0);
    assert_true(hash_bytes("abc", 3, 0) == hash);
    assert_true(hash_bytes("abc", 3, 1) != hash);
    hash_set_key(1, 3);
    assert_true(hash_bytes("abc", 3, 0) != hash);
    hash_set_key(2, 2);
    assert_true(hash_bytes("abc", 3, 0) != hash);
}

// Every byte and the length matter, in whole words and in the rest.
static void test_name(void **state)
{
    char text[] = "abcdefghijklmnopqrstu";
    uint64_t hash;

    hash_set_key(1, 2);
    hash = hash_name(text, 21);
    assert_true(hash_name(text, 21) == hash);
    assert_true(hash_name(text, 20) != hash);
    for (size_t i = 0; i < 21; i++) {
        text[i] ^= 1;
        assert_true(hash_name(text, 21) != hash);
        text[i] ^= 1;
    }
    assert_true(hash_name("", 0) != hash_name("\0", 1));
    hash_set_key(3, 2);
    assert_true(hash_name(text, 21) != hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_values),
        cmocka_unit_test(test_key_and_basis_matter),
        cmocka_unit_test(test_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
