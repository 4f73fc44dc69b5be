// SPDX-License-Identifier: Apache-2.0
// A fault of ours or of the system, with a text for the administrator.
//
// A function that can fail in more ways than an errno can say returns a `struct failure *`: NULL is
// success. The kind tells the caller what to do, the text tells a person what happened. The caller
// owns the failure: it either returns it or logs it, never both. Faults of a client are
// `struct ovsdb_error` (model/error.h) and nothing else.
#pragma once

#include "basic/macro.h"

enum failure_kind {
    FAILURE_SYSTEM,  // a system call failed; trying again later may succeed
    FAILURE_INVALID, // an option, a setting or an argument is wrong; trying again is useless
    FAILURE_MISSING, // a named file or object does not exist
    FAILURE_BUSY,    // another process or operation holds the object
    FAILURE_DAMAGED, // the contents of a file are damaged
    FAILURE_N_KINDS,
};

struct failure;

// The format has no newline at its end. Never returns NULL.
struct failure *failure_new(enum failure_kind kind, const char *format, ...) PRINTF_FORMAT(2, 3);

// As failure_from_errno() below, but the text is complete: it does not get a description of
// `error`.
struct failure *failure_new_errno(int error, const char *format, ...) PRINTF_FORMAT(2, 3);

// The text gets ": " and the description of `error` (a positive or negative errno) at its end. The
// kind follows from `error`: ENOENT is FAILURE_MISSING; EBUSY, EAGAIN and EADDRINUSE are
// FAILURE_BUSY; any other is FAILURE_SYSTEM. errno is left as it is.
struct failure *failure_from_errno(int error, const char *format, ...) PRINTF_FORMAT(2, 3);

// Puts the formatted text and ": " in front, to say where or during what. Takes `failure` and
// returns it. NULL stays NULL.
struct failure *failure_prefix(struct failure *failure, const char *format, ...)
    PRINTF_FORMAT(2, 3);

// NULL stays NULL.
struct failure *failure_copy(const struct failure *failure);

// Keeps the first of several failures in *first: stores `failure` there, or frees it if there is
// one already.
void failure_keep_first(struct failure **first, struct failure *failure);

void failure_free(struct failure *failure);

enum failure_kind failure_kind(const struct failure *failure);

// The name of a kind: "system", "invalid", "missing", "busy" or "damaged".
const char *failure_kind_name(enum failure_kind kind);

// The errno, positive, of failure_from_errno() and failure_new_errno(). For the other failures one
// that stands for the kind: EIO, EINVAL, ENOENT, EBUSY or EBADMSG.
int failure_errno(const struct failure *failure);

// Valid as long as `failure` is and failure_prefix() is not called.
const char *failure_text(const struct failure *failure);

// Frees `failure` and returns its text, which the caller frees. NULL stays NULL.
char *failure_take_text(struct failure *failure);

DEFINE_CLEANUP(struct failure *, cleanup_failurep, failure_free)
#define _cleanup_failure_ _cleanup_(cleanup_failurep)
