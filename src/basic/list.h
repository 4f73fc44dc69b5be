// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked list: the nodes form a ring. The head is a node that is not part of an
// element. A node that is in no list points to itself (list_init()).
#pragma once

#include "basic/macro.h"

#include <assert.h>
#include <stdbool.h>

struct list {
    struct list *prev;
    struct list *next;
};

#define LIST_INIT(head)                                                                            \
    {                                                                                              \
        (head), (head)                                                                             \
    }

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

// `node` may be uninitialised or in no list.
static inline void list_insert_before(struct list *where, struct list *node)
{
    assert(where->prev->next == where && node != where);
    node->prev = where->prev;
    node->next = where;
    where->prev->next = node;
    where->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

// Removes `node` from its list. Does nothing if it is in none.
static inline void list_remove(struct list *node)
{
    assert(node->prev->next == node && node->next->prev == node);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

// The node after `node`: after the head the first element, after the last element the head.
static inline struct list *list_next(const struct list *node)
{
    assert(node->next->prev == node);
    return node->next;
}

// The first element; the list must not be empty.
static inline struct list *list_first(const struct list *head)
{
    assert(!list_is_empty(head));
    return list_next(head);
}

#define LIST_FIRST(head, type, member) CONTAINER_OF(list_first(head), type, member)

#define LIST_FOREACH(var, head, member)                                                            \
    for (__typeof__(var) var##_ = (var = CONTAINER_OF(list_next(head), __typeof__(*var), member)); \
         &var->member != (head);                                                                   \
         var = CONTAINER_OF(list_next(&var->member), __typeof__(*var), member), (void)var##_)

// As LIST_FOREACH, but the body may remove `var`.
#define LIST_FOREACH_SAFE(var, next_var, head, member)                                             \
    for (var = CONTAINER_OF(list_next(head), __typeof__(*var), member),                            \
        next_var = CONTAINER_OF(list_next(&var->member), __typeof__(*var), member);                \
         &var->member != (head); var = next_var,                                                   \
        next_var = CONTAINER_OF(list_next(&var->member), __typeof__(*var), member))
