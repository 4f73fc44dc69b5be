// SPDX-License-Identifier: Apache-2.0
// Whether a history of operations on one object is linearizable: each operation takes effect at one
// moment between its call and its return, and the results are those of this order. The object is a
// register or a list, which are both a number here: appending to a list makes a digest of the
// former digest and the value.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX // the return of an operation whose outcome is not known

enum operation_kind {
    OPERATION_WRITE,  // sets the number to `value`
    OPERATION_APPEND, // sets it to list_append(number, value)
    OPERATION_READ,   // returns `value`
};

struct operation {
    enum operation_kind kind;
    uint64_t value;
    uint64_t call, end; // times; an operation with the end NEVER takes effect once or not at all
};

uint64_t list_append(uint64_t list, uint64_t value);
// The object is 0 at the beginning. Equal times count as concurrent. The search visits a set of
// operations that have taken effect, with its state, once (Wing and Gong; Lowe); it takes
// exponential time for many concurrent operations.
bool is_linearizable(const struct operation *operations, size_t n);
