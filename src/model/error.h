// SPDX-License-Identifier: Apache-2.0
// An <error> (RFC 7047 3.1), which a client receives in a reply: what it did wrong, or why its
// transaction failed. A function that returns one passes it to the caller, who frees it; NULL is
// success. Faults of the server itself are `struct failure` (basic/failure.h).
#pragma once

#include "basic/buf.h"

struct ovsdb_error {
    const char *tag; // the member "error", e.g. "constraint violation"; of static storage duration
    char *details;   // or NULL
    char *syntax;    // the wrong JSON text, or NULL
};

// The values of `tag`.
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
#define ERROR_CONNECTION_LOST     "connection lost"
#define ERROR_NOT_AVAILABLE       "database not available"

// `details` may be NULL.
struct ovsdb_error *error_new(const char *tag, const char *details, ...) PRINTF_FORMAT(2, 3);
// A "syntax error" with the member "syntax": the canonical form of `syntax`, cut off if it is long.
// Text that is no JSON or is very long is not converted.
struct ovsdb_error *error_syntax(struct slice syntax, const char *details, ...) PRINTF_FORMAT(2, 3);
// As error_syntax(), with another tag.
struct ovsdb_error *error_syntax_tag(const char *tag, struct slice syntax, const char *details, ...)
    PRINTF_FORMAT(3, 4);
// An "I/O error". The description of `errno_value` (positive or negative) follows the details.
struct ovsdb_error *error_io(int errno_value, const char *details, ...) PRINTF_FORMAT(2, 3);
// Puts the formatted text before the details, e.g. "table T, row U: ".
void error_prefix(struct ovsdb_error *error, const char *format, ...) PRINTF_FORMAT(2, 3);
void error_free(struct ovsdb_error *error); // NULL is allowed
// Writes {"details":...,"error":...,"syntax":...}.
void error_put(struct buf *buf, const struct ovsdb_error *error);
// Text for people: "TAG: DETAILS", preceded by 'syntax "JSON": ' if there is a syntax. The caller
// frees it.
char *error_text(const struct ovsdb_error *error);

DEFINE_CLEANUP(struct ovsdb_error *, error_freep, error_free)
#define _cleanup_error_ _cleanup_(error_freep)
