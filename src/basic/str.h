// SPDX-License-Identifier: Apache-2.0
// NUL-terminated strings, or NULL where a string is optional.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline const char *str_or_empty(const char *s)
{
    return s ? s : "";
}

// NULL equals only NULL.
static inline bool str_equals(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

// The value of a hexadecimal digit of either case; -1 for another character.
static inline int str_hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Parses a number of at most `max` that consists of decimal digits only. False, with *ret
// untouched, if `s` is anything else.
bool str_parse_number(const char *s, uint64_t max, uint64_t *ret);
