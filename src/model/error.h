// SPDX-License-Identifier: Apache-2.0
// <error>: what a client did wrong, or why its transaction failed (RFC 7047 3.1). Owned by whoever
// holds it; ends with error_free() or by being written into a reply.
#pragma once

#include "basic/buf.h"

struct ovsdb_error {
    const char *tag; // the "error" member, e.g. "constraint violation"; static
    char *details;   // or NULL
    char *syntax;    // JSON text that could not be parsed, or NULL
};

// The error strings in use.
#define ERROR_SYNTAX              "syntax error"
#define ERROR_UNKNOWN_COLUMN      "unknown column"
#define ERROR_UNKNOWN_TABLE       "unknown table"
#define ERROR_UNKNOWN_DATABASE    "unknown database"
#define ERROR_UNKNOWN_FUNCTION    "unknown function"
#define ERROR_UNKNOWN_MUTATOR     "unknown mutator"
#define ERROR_INTERNAL            "internal error"
#define ERROR_OVSDB               "ovsdb error"
#define ERROR_PERMISSION          "permission error"
#define ERROR_NOT_ALLOWED         "not allowed"
#define ERROR_DUPLICATE_UUID      "duplicate uuid"
#define ERROR_DUPLICATE_UUID_NAME "duplicate uuid-name"
#define ERROR_CONSTRAINT          "constraint violation"
#define ERROR_DOMAIN              "domain error"
#define ERROR_RANGE               "range error"
#define ERROR_TIMED_OUT           "timed out"
#define ERROR_ABORTED             "aborted"
#define ERROR_NOT_OWNER           "not owner"
#define ERROR_NOT_SUPPORTED       "not supported"
#define ERROR_INTEGRITY           "referential integrity violation"
#define ERROR_RESOURCES           "resources exhausted"
#define ERROR_IO                  "I/O error"

// `tag` must be static. `details` may be NULL.
struct ovsdb_error *error_new(const char *tag, const char *details, ...) PRINTF_FORMAT(2, 3);
// A "syntax error" whose "syntax" member is `syntax` (JSON text, copied; cut off when very long).
struct ovsdb_error *error_syntax(struct slice syntax, const char *details, ...) PRINTF_FORMAT(2, 3);
// The same with another tag.
struct ovsdb_error *error_syntax_tag(const char *tag, struct slice syntax, const char *details, ...)
    PRINTF_FORMAT(3, 4);
// An "I/O error" with "details" that end in strerror(errno_value).
struct ovsdb_error *error_io(int errno_value, const char *details, ...) PRINTF_FORMAT(2, 3);
// Puts text before the details: "table T, row U: " + details.
void error_prefix(struct ovsdb_error *error, const char *format, ...) PRINTF_FORMAT(2, 3);
void error_free(struct ovsdb_error *error);
// {"details":...,"error":...,"syntax":...}
void error_put(struct buf *buf, const struct ovsdb_error *error);
// For people: "TAG: DETAILS", after 'syntax "JSON": ' if there is a syntax. Caller frees.
char *error_text(const struct ovsdb_error *error);

DEFINE_CLEANUP(struct ovsdb_error *, error_freep, error_free)
#define _cleanup_error_ _cleanup_(error_freep)
