// SPDX-License-Identifier: Apache-2.0
#include "basic/alloc.h"
#include "basic/reclaim.h"
#include "basic/thread.h"
#include "unit.h"

// An object of `n_parts` parts. When it is gone, the objects of `chain` follow.
struct object {
    struct reclaim_item item;
    size_t n_parts;
    struct object *chain;
    struct object *added; // given to reclaim_add() in the last step
};

static size_t n_objects;

static struct reclaim_item *object_step(struct reclaim_item *item, size_t *budget)
{
    struct object *object = CONTAINER_OF(item, struct object, item);
    struct object *chain = object->chain;
    size_t n = MIN(object->n_parts, *budget);

    assert_true(*budget > 0);
    object->n_parts -= n;
    *budget -= n;
    if (object->n_parts) {
        return item;
    }
    if (object->added) {
        reclaim_add(&object->added->item);
    }
    free(object);
    n_objects--;
    return chain ? &chain->item : NULL;
}

static struct object *object_new(size_t n_parts, struct object *chain)
{
    struct object *object = NEW(struct object);

    object->item.step = object_step;
    object->n_parts = n_parts;
    object->chain = chain;
    n_objects++;
    return object;
}

static void test_without_queue(void **state)
{
    struct object *object = object_new(5, object_new(2, NULL));

    object->added = object_new(3, NULL);
    reclaim_add(&object->item);
    assert_int_equal(n_objects, 0);
}

static void test_steps(void **state)
{
    reclaim_start();
    assert_false(reclaim_run(100));
    reclaim_add(&object_new(10, NULL)->item);
    reclaim_add(&object_new(3, object_new(4, NULL))->item);
    assert_int_equal(n_objects, 3); // nothing is freed yet
    assert_true(reclaim_run(5));
    assert_int_equal(n_objects, 2); // the newest first
    assert_true(reclaim_run(2));
    assert_int_equal(n_objects, 1);
    assert_true(reclaim_run(9));
    assert_false(reclaim_run(1));
    assert_int_equal(n_objects, 0);
    reclaim_stop();
}

// An object that a step adds is freed before the rest of the older ones.
static void test_added_in_a_step(void **state)
{
    struct object *object = object_new(1, object_new(1, NULL));

    reclaim_start();
    object->added = object_new(7, NULL);
    reclaim_add(&object->item);
    assert_true(reclaim_run(2));
    assert_int_equal(n_objects, 1);
    assert_false(reclaim_run(7));
    assert_int_equal(n_objects, 0);
    reclaim_stop();
}

static void *free_in_thread_mt(void *userdata)
{
    reclaim_add(&object_new(5, NULL)->item);
    return NULL;
}

static void test_other_thread(void **state)
{
    pthread_t thread;

    reclaim_start();
    assert_int_equal(thread_start(&thread, "test", free_in_thread_mt, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(n_objects, 0);
    assert_false(reclaim_run(1));
    reclaim_stop();
}

// reclaim_stop() drops the queue: its objects are never freed, not even after reclaim_start().
static void test_stop(void **state)
{
    reclaim_start();
    reclaim_add(&object_new(5, NULL)->item);
    reclaim_stop();
    reclaim_start();
    assert_false(reclaim_run(100));
    assert_int_equal(n_objects, 1);
    reclaim_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_queue),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_added_in_a_step),
        cmocka_unit_test(test_other_thread),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests_name("reclaim", tests, NULL, NULL);
}
