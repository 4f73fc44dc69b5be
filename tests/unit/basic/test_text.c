// SPDX-License-Identifier: Apache-2.0
#include "basic/text.h"
#include "unit.h"

static void test_references(void **state)
{
    struct text *text = text_new(SLICE("hello"));
    struct text *again = text_ref(text);

    assert_ptr_equal(text, again);
    text_unref(text);
    assert_slice_is(text_slice(again), "hello");
    assert_int_equal(again->data[5], '\0');
    text_unref(again);
    text_unref(NULL);
}

static void test_empty(void **state)
{
    struct text *empty = text_empty();

    for (int i = 0; i < 3; i++) {
        text_unref(text_ref(empty));
    }
    assert_int_equal(text_slice(empty).size, 0);
    assert_string_equal(empty->data, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
