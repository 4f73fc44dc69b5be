// SPDX-License-Identifier: Apache-2.0
#include "basic/failure.h"
#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct failure {
    enum failure_kind kind;
    int error; // positive errno
    char *text;
};

static const struct {
    const char *name;
    int error;
} kinds[] = {
    [FAILURE_SYSTEM] = {"system", EIO},       [FAILURE_INVALID] = {"invalid", EINVAL},
    [FAILURE_MISSING] = {"missing", ENOENT},  [FAILURE_BUSY] = {"busy", EBUSY},
    [FAILURE_DAMAGED] = {"damaged", EBADMSG},
};
static_assert(sizeof kinds / sizeof kinds[0] == FAILURE_N_KINDS, "every kind has a name");

// Takes `text`.
static struct failure *failure_make(enum failure_kind kind, int error, char *text)
{
    struct failure *failure = NEW(struct failure);

    assert(kind < FAILURE_N_KINDS);
    assert(error > 0);
    failure->kind = kind;
    failure->error = error;
    failure->text = text;
    return failure;
}

struct failure *failure_new(enum failure_kind kind, const char *format, ...)
{
    va_list args;
    char *text;

    assert(kind < FAILURE_N_KINDS);
    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return failure_make(kind, kinds[kind].error, text);
}

static enum failure_kind kind_of_errno(int error)
{
    switch (error) {
    case ENOENT:
        return FAILURE_MISSING;
    case EBUSY:
    case EAGAIN:
    case EADDRINUSE:
        return FAILURE_BUSY;
    default:
        return FAILURE_SYSTEM;
    }
}

struct failure *failure_new_errno(int error, const char *format, ...)
{
    va_list args;
    char *text;

    error = abs(error);
    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return failure_make(kind_of_errno(error), error, text);
}

struct failure *failure_from_errno(int error, const char *format, ...)
{
    _cleanup_free_ char *what = NULL;
    int saved = errno;
    struct failure *failure;
    va_list args;

    error = abs(error);
    va_start(args, format);
    what = xvasprintf(format, args);
    va_end(args);
    failure = failure_make(kind_of_errno(error), error, xasprintf("%s: %s", what, strerror(error)));
    errno = saved;
    return failure;
}

struct failure *failure_prefix(struct failure *failure, const char *format, ...)
{
    _cleanup_free_ char *prefix = NULL, *rest = NULL;
    va_list args;

    if (!failure) {
        return NULL;
    }
    va_start(args, format);
    prefix = xvasprintf(format, args);
    va_end(args);
    rest = failure->text;
    failure->text = xasprintf("%s: %s", prefix, rest);
    return failure;
}

struct failure *failure_copy(const struct failure *failure)
{
    return failure ? failure_make(failure->kind, failure->error, xstrdup(failure->text)) : NULL;
}

void failure_keep_first(struct failure **first, struct failure *failure)
{
    if (*first) {
        failure_free(failure);
    } else {
        *first = failure;
    }
}

void failure_free(struct failure *failure)
{
    if (failure) {
        free(failure->text);
        free(failure);
    }
}

enum failure_kind failure_kind(const struct failure *failure)
{
    return failure->kind;
}

const char *failure_kind_name(enum failure_kind kind)
{
    assert(kind < FAILURE_N_KINDS);
    return kinds[kind].name;
}

int failure_errno(const struct failure *failure)
{
    return failure->error;
}

const char *failure_text(const struct failure *failure)
{
    return failure->text;
}

char *failure_take_text(struct failure *failure)
{
    char *text = failure ? TAKE_PTR(failure->text) : NULL;

    failure_free(failure);
    return text;
}
