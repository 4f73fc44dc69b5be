// SPDX-License-Identifier: Apache-2.0
// NUL-terminated strings, of which there may be none: NULL.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline const char *str_or_empty(const char *s)
{
    return s ? s : "";
}

// Two that are NULL are equal, and to nothing else.
static inline bool str_equals(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

// Decimal digits and nothing else, a number of at most `max`. False, *ret untouched: it is
// something else.
bool str_parse_number(const char *s, uint64_t max, uint64_t *ret);
