// SPDX-License-Identifier: Apache-2.0
#include "basic/reclaim.h"
#include "basic/text.h"
#include "unit.h"

#include <stdio.h>

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

static void test_share(void **state)
{
    struct text *a = text_share(SLICE("switch")), *b = text_share(SLICE("switch"));
    struct text *empty = text_share(SLICE(""));

    assert_ptr_equal(a, b);
    assert_ptr_equal(empty, text_empty());
    // Evicting a text from the cache does not free it while there is a reference.
    for (int i = 0; i < 10000; i++) {
        char name[20];

        snprintf(name, sizeof(name), "other%d", i);
        text_unref(text_share(slice_of(name)));
    }
    assert_slice_is(text_slice(a), "switch");
    text_unref(a);
    text_unref(b);
    text_unref(empty);
}

// Texts created between text_thread_begin() and text_thread_end() are not shared with other texts.
static void test_thread(void **state)
{
    struct text *shared = text_share(SLICE("shared")), *own, *own_empty;

    text_thread_begin();
    own_empty = text_new(SLICE(""));
    text_thread_end();
    assert_ptr_not_equal(own_empty, text_empty());
    assert_int_equal(own_empty->refs, 1);
    own = text_share(SLICE("shared"));
    assert_ptr_not_equal(own, shared); // text_thread_end() has cleared the cache
    assert_slice_is(text_slice(own_empty), "");
    text_unref(own_empty);
    text_unref(own);
    text_unref(shared);
}

// Large texts without references go to the reclaim queue.
static void test_free_in_steps(void **state)
{
    _cleanup_free_ char *bytes = xcalloc(1, 100001);
    struct text *texts[10];
    int n_steps = 0;

    memset(bytes, 'x', 100000);
    reclaim_start();
    text_unref(text_new(SLICE("short")));
    assert_false(reclaim_run(1));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        texts[i] = text_new((struct slice){bytes, 100000});
    }
    text_ref(texts[0]);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        text_unref(texts[i]);
    }
    while (reclaim_run(2 * 97)) {
        n_steps++;
    }
    assert_int_equal(n_steps, 4);
    assert_slice_is(text_slice(texts[0]), bytes);
    reclaim_stop();
    text_unref(texts[0]); // freed at once
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread),        cmocka_unit_test(test_references),
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_share),
        cmocka_unit_test(test_free_in_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
