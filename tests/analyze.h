// SPDX-License-Identifier: Apache-2.0
// Included before each file that clang's analyzer reads. The functions that make an error never
// return NULL, but the analyzer does not see their bodies and clang 14 ignores returns_nonnull:
// without this it reports what could happen after an error that is no error.
#pragma once

#include "model/error.h"

static inline struct ovsdb_error *analyzer_not_null(struct ovsdb_error *error)
{
    if (!error) {
        __builtin_unreachable();
    }
    return error;
}

#define error_new(...)        analyzer_not_null(error_new(__VA_ARGS__))
#define error_syntax(...)     analyzer_not_null(error_syntax(__VA_ARGS__))
#define error_syntax_tag(...) analyzer_not_null(error_syntax_tag(__VA_ARGS__))
#define error_io(...)         analyzer_not_null(error_io(__VA_ARGS__))
