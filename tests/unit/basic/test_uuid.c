// SPDX-License-Identifier: Apache-2.0
#include "basic/uuid.h"
#include "unit.h"

static void test_parse_and_format(void **state)
{
    char text[UUID_TEXT_SIZE];
    struct uuid uuid;

    assert_true(uuid_parse(SLICE("01234567-89AB-cdef-0123-456789abcdef"), &uuid));
    assert_true(uuid.hi == 0x0123456789abcdef);
    assert_true(uuid.lo == 0x0123456789abcdef);
    assert_string_equal(uuid_text(uuid, text), "01234567-89ab-cdef-0123-456789abcdef");
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",
        "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdef0",
        "01234567089ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "0123456-789ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-4567 9abcdef",
    };
    struct uuid uuid = {1, 2};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(uuid_parse(slice_of(bad[i]), &uuid));
    }
    assert_true(uuid.hi == 1 && uuid.lo == 2);
}

static void test_random(void **state)
{
    struct uuid a = uuid_random(), b = uuid_random();

    assert_false(uuid_equals(a, b));
    assert_int_equal(a.hi >> 12 & 15, 4);
    assert_int_equal(a.lo >> 62, 2);
}

static void test_order(void **state)
{
    const uint8_t bytes[16] = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct uuid high = uuid_from_bytes(bytes), low = {0x7f, 0};
    char text[UUID_TEXT_SIZE];

    assert_string_equal(uuid_text(high, text), "ff010203-0405-0607-0809-0a0b0c0d0e0f");
    assert_true(uuid_compare(low, high) < 0);
    assert_true(uuid_compare(high, low) > 0);
    assert_int_equal(uuid_compare(high, high), 0);
    assert_true(uuid_is_zero(UUID_ZERO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_format),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
