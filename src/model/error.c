// SPDX-License-Identifier: Apache-2.0
#include "model/error.h"

#include "basic/utf8.h"
#include "json/emit.h"
#include "json/framer.h"

#include <assert.h>

// Longer JSON is cut off in "syntax", because the client that sent it has the rest.
#define MAX_SYNTAX 4096
// Longer JSON is not converted to canonical form, which would take long.
#define MAX_CANONICAL 65536

PRINTF_FORMAT(2, 0)
static struct ovsdb_error *error_va(const char *tag, const char *details, va_list args)
{
    struct ovsdb_error *error = NEW(struct ovsdb_error);

    assert(tag);
    error->tag = tag;
    if (details) {
        error->details = xvasprintf(details, args);
    }
    return error;
}

struct ovsdb_error *error_new(const char *tag, const char *details, ...)
{
    struct ovsdb_error *error;
    va_list args;

    va_start(args, details);
    error = error_va(tag, details, args);
    va_end(args);
    return error;
}

// Appends at most MAX_SYNTAX bytes of `s`, and "..." if there are more.
static void put_cut(struct buf *buf, struct slice s)
{
    size_t size = utf8_cut(s, MAX_SYNTAX);

    buf_put(buf, s.data, size);
    if (size < s.size) {
        buf_puts(buf, "...");
    }
}

// Converts JSON text to canonical form, so that the same mistake gives the same error in any
// notation.
static char *syntax_text(struct slice syntax)
{
    _cleanup_buf_ struct buf canonical = {0};
    struct buf text = {0};
    struct slice value;

    if (syntax.size <= MAX_CANONICAL && !framer_check(syntax, syntax.size, &value, NULL)) {
        emit_canonical(&canonical, value);
        put_cut(&text, buf_slice(&canonical));
    } else {
        put_cut(&text, syntax);
    }
    return buf_steal(&text);
}

struct ovsdb_error *error_syntax(struct slice syntax, const char *details, ...)
{
    struct ovsdb_error *error;
    va_list args;

    va_start(args, details);
    error = error_va(ERROR_SYNTAX, details, args);
    va_end(args);
    error->syntax = syntax_text(syntax);
    return error;
}

struct ovsdb_error *error_syntax_tag(const char *tag, struct slice syntax, const char *details, ...)
{
    struct ovsdb_error *error;
    va_list args;

    va_start(args, details);
    error = error_va(tag, details, args);
    va_end(args);
    error->syntax = syntax_text(syntax);
    return error;
}

struct ovsdb_error *error_io(int errno_value, const char *details, ...)
{
    _cleanup_free_ char *what = NULL;
    va_list args;

    va_start(args, details);
    what = xvasprintf(details, args);
    va_end(args);
    return error_new(ERROR_IO, "%s: %s", what, strerror(abs(errno_value)));
}

void error_prefix(struct ovsdb_error *error, const char *format, ...)
{
    _cleanup_free_ char *prefix = NULL;
    char *details;
    va_list args;

    va_start(args, format);
    prefix = xvasprintf(format, args);
    va_end(args);
    details = xasprintf("%s%s", prefix, error->details ? error->details : "");
    free(error->details);
    error->details = details;
}

void error_free(struct ovsdb_error *error)
{
    if (error) {
        free(error->details);
        free(error->syntax);
        free(error);
    }
}

void error_put(struct buf *buf, const struct ovsdb_error *error)
{
    buf_putc(buf, '{');
    if (error->details) {
        emit_name(buf, SLICE("details"));
        emit_string(buf, slice_of(error->details));
    }
    emit_name(buf, SLICE("error"));
    emit_string(buf, slice_of(error->tag));
    if (error->syntax) {
        emit_name(buf, SLICE("syntax"));
        emit_string(buf, slice_of(error->syntax));
    }
    buf_putc(buf, '}');
}

char *error_text(const struct ovsdb_error *error)
{
    struct buf buf = {0};

    if (error->syntax) {
        buf_printf(&buf, "syntax \"%s\": ", error->syntax);
    }
    buf_puts(&buf, error->tag);
    if (error->details) {
        buf_printf(&buf, ": %s", error->details);
    }
    return buf_steal(&buf);
}
