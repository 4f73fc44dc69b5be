// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked ring. A head is a node that is not embedded in an element.
#pragma once

#include "basic/macro.h"

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

static inline void list_insert_before(struct list *where, struct list *node)
{
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

// Unlinks and leaves `node` a ring of its own, so that removing it twice does no harm.
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define LIST_FIRST(head, type, member) CONTAINER_OF((head)->next, type, member)

#define LIST_FOREACH(var, head, member)                                                            \
    for (__typeof__(var) var##_ = (var = CONTAINER_OF((head)->next, __typeof__(*var), member));    \
         &var->member != (head);                                                                   \
         var = CONTAINER_OF(var->member.next, __typeof__(*var), member), (void)var##_)

// As LIST_FOREACH, but the body may remove `var`.
#define LIST_FOREACH_SAFE(var, next_var, head, member)                                             \
    for (var = CONTAINER_OF((head)->next, __typeof__(*var), member),                               \
        next_var = CONTAINER_OF(var->member.next, __typeof__(*var), member);                       \
         &var->member != (head);                                                                   \
         var = next_var, next_var = CONTAINER_OF(var->member.next, __typeof__(*var), member))
