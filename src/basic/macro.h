// SPDX-License-Identifier: Apache-2.0
// Macros that all layers use.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

// Evaluates to the value of the variable and sets the variable to NULL (-1): passes ownership on.
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

// Defines `name`, a cleanup function for variables of `type`: calls `f` on the value if it is not
// NULL.
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

// `p` points to a pointer variable of any type, so its value is copied rather than read as a void
// *.
static inline void cleanup_freep(void *p)
{
    void *value;

    memcpy(&value, p, sizeof(value));
    free(value);
}

static inline void cleanup_closep(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

#define _cleanup_free_  _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
