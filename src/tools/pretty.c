// SPDX-License-Identifier: Apache-2.0
// Indents by a walk over the canonical text; values that are not containers are copied unchanged.
#include "tools/pretty.h"

#include "json/cursor.h"
#include "json/emit.h"

#define INDENT 2

static void break_line(struct buf *buf, int level)
{
    buf_printf(buf, "\n%*s", level * INDENT, "");
}

static void put_indented(struct buf *buf, struct cursor *cursor, struct buf *scratch, int level)
{
    enum json_kind kind = cursor_kind(cursor);
    bool more;

    if (kind != JSON_KIND_ARRAY && kind != JSON_KIND_OBJECT) {
        buf_put_slice(buf, cursor_skip(cursor));
        return;
    }

    buf_putc(buf, kind == JSON_KIND_ARRAY ? '[' : '{');
    more = cursor_enter(cursor);
    if (!more && kind == JSON_KIND_OBJECT) {
        // An empty object spans two lines, an empty array does not.
        break_line(buf, level + 1);
    }
    while (more) {
        break_line(buf, level + 1);
        if (kind == JSON_KIND_OBJECT) {
            emit_string(buf, cursor_name(cursor, scratch));
            buf_puts(buf, ": ");
        }
        put_indented(buf, cursor, scratch, level + 1);
        more = cursor_more(cursor);
        if (more) {
            buf_putc(buf, ',');
        }
    }
    buf_putc(buf, kind == JSON_KIND_ARRAY ? ']' : '}');
}

void pretty_put(struct buf *buf, struct slice json, bool pretty)
{
    _cleanup_buf_ struct buf canonical = {0};
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    if (!pretty) {
        emit_canonical(buf, json);
        return;
    }
    emit_canonical(&canonical, json);
    cursor_init(&cursor, buf_slice(&canonical));
    put_indented(buf, &cursor, &scratch, 0);
}
