// SPDX-License-Identifier: Apache-2.0
// Memory allocation that cannot fail: when memory runs out, the process writes a message to
// standard error and aborts; the service manager restarts it. So no function here returns NULL, not
// even for a size of 0. Release the memory with free().
#pragma once

#include "basic/macro.h"

#include <stdarg.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
// As xrealloc(), for an array of `n` elements of `size` bytes. The process aborts if the product
// overflows.
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void *xmemdup(const void *p, size_t size) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
// Copies `size` bytes and adds a terminating NUL.
char *xstrndup(const char *s, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) PRINTF_FORMAT(1, 2)
    __attribute__((malloc, returns_nonnull));
char *xvasprintf(const char *format, va_list args) PRINTF_FORMAT(1, 0)
    __attribute__((malloc, returns_nonnull));

// Allocates `size` > 0 bytes of zeros in pages of their own. The kernel provides each page when it
// is first touched, so that a large array costs no time up front. Release it with zero_pages_free()
// and the same size.
void *zero_pages_new(size_t size) __attribute__((returns_nonnull));
void zero_pages_free(void *p, size_t size);

#define NEW(type)          ((type *)xcalloc(1, sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)xcalloc((n), sizeof(type)))

// Makes room for one more element in the array `p`, which has `n` elements and room for `capacity`.
// Doubles the capacity when the array is full.
#define GROW(p, n, capacity)                                                                       \
    do {                                                                                           \
        if ((n) >= (capacity)) {                                                                   \
            (capacity) = (capacity) ? (capacity)*2 : 8;                                            \
            (p) = xreallocarray((p), (capacity), sizeof(*(p)));                                    \
        }                                                                                          \
    } while (0)
