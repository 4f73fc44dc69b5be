// SPDX-License-Identifier: Apache-2.0
#include "basic/list.h"
#include "unit.h"

struct item {
    int number;
    struct list node;
};

static int digits(struct list *head)
{
    struct item *item;
    int digits = 0;

    LIST_FOREACH (item, head, node) {
        digits = digits * 10 + item->number;
    }
    return digits;
}

static void test_order(void **state)
{
    struct list head = LIST_INIT(&head);
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};

    assert_true(list_is_empty(&head));
    list_push_back(&head, &items[1].node);
    list_push_back(&head, &items[2].node);
    list_push_front(&head, &items[0].node);
    list_insert_before(&items[2].node, &items[3].node);
    assert_int_equal(digits(&head), 1243);
    assert_ptr_equal(LIST_FIRST(&head, struct item, node), &items[0]);
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    assert_int_equal(digits(&head), 143);
}

static void test_remove_while_walking(void **state)
{
    struct list head = LIST_INIT(&head);
    struct item items[5], *item, *next;

    for (int i = 0; i < 5; i++) {
        items[i].number = i + 1;
        list_push_back(&head, &items[i].node);
    }
    LIST_FOREACH_SAFE (item, next, &head, node) {
        if (item->number % 2) {
            list_remove(&item->node);
        }
    }
    assert_int_equal(digits(&head), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_remove_while_walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
