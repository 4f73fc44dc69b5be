// SPDX-License-Identifier: Apache-2.0
// The output queue against a plain string.
#include "net/queue.h"
#include "unit.h"

#include "basic/buf.h"

#include <stdlib.h>

static void assert_holds(const struct queue *queue, struct slice expected)
{
    struct iovec iov[512];
    _cleanup_buf_ struct buf buf = {0};
    int n = queue_peek(queue, SIZE_MAX, iov, 512);

    for (int i = 0; i < n; i++) {
        buf_put(&buf, iov[i].iov_base, iov[i].iov_len);
    }
    assert_int_equal(queue->size, expected.size);
    assert_int_equal(buf.size, expected.size);
    assert_int_equal(memcmp(buf.data ? buf.data : "", expected.data, expected.size), 0);
}

static void test_copies_are_gathered(void **state)
{
    struct queue queue = {0};
    struct iovec iov[4];

    for (int i = 0; i < 100; i++) {
        queue_put(&queue, SLICE("12345678"));
    }
    assert_int_equal(queue_peek(&queue, SIZE_MAX, iov, 4), 1);
    assert_int_equal(iov[0].iov_len, 800);
    assert_int_equal(queue_peek(&queue, 9, iov, 4), 1);
    assert_int_equal(iov[0].iov_len, 9);
    queue_done(&queue);
    assert_int_equal(queue.size, 0);
    assert_int_equal(queue.head, 800);
}

static void test_shared_texts_are_referred_to(void **state)
{
    _cleanup_buf_ struct buf big = {0};
    struct queue queue = {0};
    struct text *text, *little = text_new(SLICE("little"));
    struct iovec iov[8];

    for (int i = 0; i < 1000; i++) {
        buf_puts(&big, "abc");
    }
    text = text_new(buf_slice(&big));
    queue_put(&queue, SLICE("before"));
    queue_put_shared(&queue, text);
    queue_put_shared(&queue, little);
    queue_put(&queue, SLICE("after"));
    assert_int_equal(text->refs, 2);
    assert_int_equal(little->refs, 1);
    assert_int_equal(queue_peek(&queue, SIZE_MAX, iov, 8), 3);
    assert_ptr_equal(iov[1].iov_base, text->data);
    assert_int_equal(iov[2].iov_len, strlen("littleafter"));
    queue_drop(&queue, strlen("before") + text->size - 1);
    assert_int_equal(text->refs, 2);
    queue_drop(&queue, 1);
    assert_int_equal(text->refs, 1);
    assert_holds(&queue, SLICE("littleafter"));
    queue_put_shared(&queue, text);
    queue_done(&queue);
    assert_int_equal(text->refs, 1);
    text_unref(text);
    text_unref(little);
}

static void test_random_puts_and_drops(void **state)
{
    _cleanup_buf_ struct buf model = {0};
    struct queue queue = {0};
    char bytes[3000];
    uint64_t put = 0;

    srandom(7);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)random();
    }
    for (int i = 0; i < 4000; i++) {
        size_t size = (size_t)random() % (random() % 8 ? 200 : sizeof(bytes));
        struct slice slice = {bytes + random() % (long)(sizeof(bytes) - size), size};

        if (random() % 3 == 0) {
            struct text *text = text_new(slice);

            queue_put_shared(&queue, text);
            text_unref(text);
        } else {
            queue_put(&queue, slice);
        }
        buf_put_slice(&model, slice);
        put += size;
        size = (size_t)random() % (queue.size + 1);
        if (random() % 2) {
            queue_drop(&queue, size);
            buf_consume(&model, size);
        }
        assert_int_equal(queue_tail(&queue), put);
        assert_holds(&queue, buf_slice(&model));
    }
    queue_done(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_are_gathered),
        cmocka_unit_test(test_shared_texts_are_referred_to),
        cmocka_unit_test(test_random_puts_and_drops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
