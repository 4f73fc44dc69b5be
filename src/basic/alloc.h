// SPDX-License-Identifier: Apache-2.0
// Memory: running out of it ends the process with a message (the service manager restarts it), so
// none of these ever returns NULL for a non-zero size. Free with free().
#pragma once

#include "basic/macro.h"

#include <stdarg.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
// Like xrealloc() for an array; a product that overflows ends the process too.
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void *xmemdup(const void *p, size_t size) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
// Copies `size` bytes and adds a terminating NUL.
char *xstrndup(const char *s, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) PRINTF_FORMAT(1, 2)
    __attribute__((malloc, returns_nonnull));
char *xvasprintf(const char *format, va_list args) PRINTF_FORMAT(1, 0)
    __attribute__((malloc, returns_nonnull));

// `size` bytes of zeros in pages of their own, which the kernel makes as they are touched: a large
// array costs nothing at once. To be freed with zero_pages_free().
void *zero_pages_new(size_t size) __attribute__((returns_nonnull));
void zero_pages_free(void *p, size_t size);

#define NEW(type)          ((type *)xcalloc(1, sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)xcalloc((n), sizeof(type)))

// Makes room for one more element in the array `p` of `n` elements with room for `capacity`,
// doubling it when it is full.
#define GROW(p, n, capacity)                                                                       \
    do {                                                                                           \
        if ((n) >= (capacity)) {                                                                   \
            (capacity) = (capacity) ? (capacity)*2 : 8;                                            \
            (p) = xreallocarray((p), (capacity), sizeof(*(p)));                                    \
        }                                                                                          \
    } while (0)
