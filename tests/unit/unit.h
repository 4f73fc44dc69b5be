// SPDX-License-Identifier: Apache-2.0
// What every unit test needs of cmocka, in the order it wants.
#pragma once

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "basic/buf.h"
#include "basic/macro.h"

// Fails unless the bytes are those of `expected`.
static inline void assert_slice_is(struct slice actual, const char *expected)
{
    char *copy = xstrndup(actual.data ? actual.data : "", actual.size);

    assert_string_equal(copy, expected);
    free(copy);
}
