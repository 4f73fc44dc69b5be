// SPDX-License-Identifier: Apache-2.0
// The JSON of atoms (RFC 7047 5.1 <atom>): decodes them from a cursor, writes them to a buffer.
// This is the innermost loop of transact and of loading a file.
#include "basic/utf8.h"
#include "model/atom.h"
#include "model/id.h"
#include "model/symbol.h"
#include "json/emit.h"

#include <assert.h>
#include <math.h>

#define MAX_SHOWN 100 // bytes of a string that an error shows

// The usual form of a <uuid>, without white space and escapes.
#define UUID_OPEN  "[\"uuid\",\""
#define UUID_CLOSE "\"]"
#define UUID_SIZE  (sizeof(UUID_OPEN) - 1 + UUID_LEN + sizeof(UUID_CLOSE) - 1)
static_assert(sizeof(UUID_CLOSE) - 1 == 2, "the code below copies 2 bytes");

static struct ovsdb_error *expected(struct cursor start, const char *what)
{
    return error_syntax(cursor_skip(&start), "expected %s", what);
}

static struct ovsdb_error *decode_number(struct cursor *cursor, enum atom_type type,
                                         union atom *ret)
{
    struct cursor start = *cursor;
    int64_t integer = 0;
    double real = 0;

    if (cursor_kind(cursor) != JSON_KIND_NUMBER) {
        return expected(start, type == ATOM_INTEGER ? "an integer" : "a number");
    }
    if (cursor_number(cursor, &integer, &real)) {
        if (type == ATOM_INTEGER) {
            ret->integer = integer;
        } else {
            ret->real = (double)integer;
        }
        return NULL;
    }
    if (type == ATOM_INTEGER) {
        return expected(start, "an integer");
    }
    if (!isfinite(real)) {
        return error_syntax(cursor_skip(&start), "the number is too large");
    }
    ret->real = real;
    return NULL;
}

// Decodes a <uuid> in its usual form. False, with nothing changed, if it has another form.
static bool decode_usual_uuid(struct cursor *cursor, struct uuid *ret)
{
    const char *p = cursor->p;

    if ((size_t)(cursor->end - p) < UUID_SIZE || memcmp(p, UUID_OPEN, sizeof(UUID_OPEN) - 1) ||
        memcmp(p + UUID_SIZE - 2, UUID_CLOSE, 2) ||
        !uuid_parse((struct slice){p + sizeof(UUID_OPEN) - 1, UUID_LEN}, ret)) {
        return false;
    }
    p += UUID_SIZE;
    while (p < cursor->end && (unsigned char)*p <= ' ') { // a cursor is never at white space
        p++;
    }
    cursor->p = p;
    return true;
}

static struct ovsdb_error *decode_named_uuid(struct cursor start, struct slice name,
                                             struct symbol_table *symbols, struct uuid *ret)
{
    struct symbol *symbol;

    if (!id_is_valid(name)) {
        return error_syntax(cursor_skip(&start), "the name in a named-uuid must be a valid <id>");
    }
    assert(symbols);
    symbol = symbol_table_get(symbols, name);
    symbol->referenced = true;
    *ret = symbol->uuid;
    return NULL;
}

// Decodes ["uuid", "..."] or, with `symbols`, ["named-uuid", "..."] in any form.
static struct ovsdb_error *decode_uuid(struct cursor *cursor, struct symbol_table *symbols,
                                       struct buf *scratch, struct uuid *ret)
{
    const char *what =
        symbols ? "[\"uuid\", <string>] or [\"named-uuid\", <id>]" : "[\"uuid\", <string>]";
    struct cursor start = *cursor;
    bool named = false;
    struct slice s;

    if (decode_usual_uuid(cursor, ret)) {
        return NULL;
    }
    if (cursor_kind(cursor) != JSON_KIND_ARRAY || !cursor_enter(cursor) ||
        cursor_kind(cursor) != JSON_KIND_STRING) {
        return expected(start, what);
    }
    s = cursor_string(cursor, scratch);
    named = symbols && slice_is(s, "named-uuid");
    if ((!named && !slice_is(s, "uuid")) || !cursor_more(cursor) ||
        cursor_kind(cursor) != JSON_KIND_STRING) {
        return expected(start, what);
    }
    s = cursor_string(cursor, scratch);
    if (cursor_more(cursor)) {
        return expected(start, what);
    }
    if (named) {
        return decode_named_uuid(start, s, symbols, ret);
    }
    if (!uuid_parse(s, ret)) {
        return error_syntax(cursor_skip(&start), "\"" SLICE_FORMAT "\" is no UUID",
                            (int)utf8_cut(s, MAX_SHOWN), s.data);
    }
    return NULL;
}

static struct ovsdb_error *decode_string(struct cursor *cursor, struct buf *scratch,
                                         struct text **ret)
{
    struct slice s = cursor_string(cursor, scratch);

    if (UNLIKELY(s.size >= UINT32_MAX)) {
        return error_new(ERROR_RESOURCES, "a string of %zu bytes is too long", s.size);
    }
    *ret = text_share(s);
    return NULL;
}

struct ovsdb_error *atom_decode(struct cursor *cursor, enum atom_type type,
                                struct symbol_table *symbols, struct buf *scratch, union atom *ret)
{
    enum json_kind kind;

    switch (type) {
    case ATOM_INTEGER:
    case ATOM_REAL:
        return decode_number(cursor, type, ret);
    case ATOM_BOOLEAN:
        kind = cursor_kind(cursor);
        if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE) {
            return expected(*cursor, "a boolean");
        }
        cursor_skip(cursor);
        ret->integer = 0; // all bytes are defined: rows are compared word by word
        ret->boolean = kind == JSON_KIND_TRUE;
        return NULL;
    case ATOM_STRING:
        if (cursor_kind(cursor) != JSON_KIND_STRING) {
            return expected(*cursor, "a string");
        }
        return decode_string(cursor, scratch, &ret->string);
    case ATOM_UUID:
        return decode_uuid(cursor, symbols, scratch, &ret->uuid);
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return error_new(ERROR_INTERNAL, "a value of no type");
}

static void put_uuid(struct buf *buf, struct uuid uuid)
{
    char *p = buf_reserve(buf, UUID_SIZE);

    memcpy(p, UUID_OPEN, sizeof(UUID_OPEN) - 1);
    uuid_format(uuid, p + sizeof(UUID_OPEN) - 1);
    memcpy(p + UUID_SIZE - 2, UUID_CLOSE, 2);
    buf->size += UUID_SIZE;
}

void atom_put(struct buf *buf, union atom atom, enum atom_type type)
{
    switch (type) {
    case ATOM_INTEGER:
        emit_integer(buf, atom.integer);
        break;
    case ATOM_REAL:
        emit_real(buf, atom.real);
        break;
    case ATOM_BOOLEAN:
        emit_boolean(buf, atom.boolean);
        break;
    case ATOM_STRING:
        emit_string(buf, text_slice(atom.string));
        break;
    case ATOM_UUID:
        put_uuid(buf, atom.uuid);
        break;
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
}
