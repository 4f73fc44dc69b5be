// SPDX-License-Identifier: Apache-2.0
// Included before each file that clang's analyzer reads. It states what the analyzer cannot see, so
// that it does not report what cannot happen.
#pragma once

#include "basic/failure.h"
#include "basic/list.h"
#include "model/error.h"

// The functions that make an error or a failure never return NULL, but the analyzer does not see
// their bodies and clang 14 ignores returns_nonnull.
#define ANALYZER_NOT_NULL(call)                                                                    \
    ({                                                                                             \
        __auto_type made_ = (call);                                                                \
        if (!made_) {                                                                              \
            __builtin_unreachable();                                                               \
        }                                                                                          \
        made_;                                                                                     \
    })
#define error_new(...)          ANALYZER_NOT_NULL(error_new(__VA_ARGS__))
#define error_syntax(...)       ANALYZER_NOT_NULL(error_syntax(__VA_ARGS__))
#define error_syntax_tag(...)   ANALYZER_NOT_NULL(error_syntax_tag(__VA_ARGS__))
#define error_io(...)           ANALYZER_NOT_NULL(error_io(__VA_ARGS__))
#define failure_new(...)        ANALYZER_NOT_NULL(failure_new(__VA_ARGS__))
#define failure_new_errno(...)  ANALYZER_NOT_NULL(failure_new_errno(__VA_ARGS__))
#define failure_from_errno(...) ANALYZER_NOT_NULL(failure_from_errno(__VA_ARGS__))

// The analyzer does not know that the neighbors of a node in a ring refer to the node: when a node
// was removed and freed, it expects the same node in the list again. Each walk over a list meets
// nodes of which nothing is known instead.
struct list *analyzer_list_node(const struct list *node);

#define list_first(head) analyzer_list_node(head)
#define list_next(node)  analyzer_list_node(node)
