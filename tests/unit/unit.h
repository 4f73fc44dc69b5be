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
#include "basic/failure.h"
#include "basic/macro.h"

// Fails unless the bytes are those of `expected`.
static inline void assert_slice_is(struct slice actual, const char *expected)
{
    char *copy = xstrndup(actual.data ? actual.data : "", actual.size);

    assert_string_equal(copy, expected);
    free(copy);
}

// Fails, with its text, if `failure` is not NULL.
static inline void assert_no_failure(const struct failure *failure)
{
    if (failure) {
        fail_msg("%s", failure_text(failure));
    }
}

// Fails unless `failure` has the errno `error` (0: any) and `part` in its text. Frees it.
static inline void assert_failure(struct failure *failure, int error, const char *part)
{
    assert_non_null(failure);
    if (error) {
        assert_int_equal(failure_errno(failure), error);
    }
    if (!strstr(failure_text(failure), part)) {
        fail_msg("\"%s\" is not in \"%s\"", part, failure_text(failure));
    }
    failure_free(failure);
}
