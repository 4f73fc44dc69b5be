// SPDX-License-Identifier: Apache-2.0
// The handful of macros that every layer uses.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __auto_type min_a_ = (a);                                                                  \
        __auto_type min_b_ = (b);                                                                  \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __auto_type max_a_ = (a);                                                                  \
        __auto_type max_b_ = (b);                                                                  \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

// Runs `f(&variable)` when the variable goes out of scope.
#define _cleanup_(f) __attribute__((cleanup(f)))

// Hands ownership over: yields the value and leaves NULL (or -1) behind.
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __auto_type take_ = (p);                                                                   \
        (p) = NULL;                                                                                \
        take_;                                                                                     \
    })
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int take_fd_ = (fd);                                                                       \
        (fd) = -1;                                                                                 \
        take_fd_;                                                                                  \
    })

// Defines `name`, a cleanup function for variables of `type`, which calls `f` on their value.
#define DEFINE_CLEANUP(type, name, f)                                                              \
    static inline void name(type *p)                                                               \
    {                                                                                              \
        if (*p) {                                                                                  \
            f(*p);                                                                                 \
        }                                                                                          \
    }

#define PRINTF_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNLIKELY(x)              __builtin_expect(!!(x), 0)
#define LIKELY(x)                __builtin_expect(!!(x), 1)

static inline void cleanup_freep(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

#define _cleanup_free_  _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
