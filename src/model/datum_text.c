// SPDX-License-Identifier: Apache-2.0
// Text of values for people, in the tables of tools and in errors. A string is written without
// quotes where it cannot be confused with another value.
#include "model/datum.h"
#include "json/emit.h"

// True if the string needs no quotes.
static bool is_word(struct slice s)
{
    struct uuid uuid;

    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool is_inner = (c >= '0' && c <= '9') || c == '-' || c == '.';

        if (!is_letter && (!i || !is_inner)) {
            return false;
        }
    }
    return s.size && !slice_is(s, "true") && !slice_is(s, "false") && !uuid_parse(s, &uuid);
}

static void put_uuid(struct buf *buf, struct uuid uuid)
{
    uuid_format(uuid, buf_reserve(buf, UUID_LEN));
    buf->size += UUID_LEN;
}

void atom_put_text(struct buf *buf, union atom atom, enum atom_type type)
{
    if (type == ATOM_UUID) {
        put_uuid(buf, atom.uuid);
    } else if (type == ATOM_STRING && is_word(text_slice(atom.string))) {
        buf_put_slice(buf, text_slice(atom.string));
    } else {
        atom_put(buf, atom, type);
    }
}

static void atom_put_bare(struct buf *buf, union atom atom, enum atom_type type)
{
    if (type == ATOM_STRING) {
        buf_put_slice(buf, text_slice(atom.string));
    } else {
        atom_put_text(buf, atom, type);
    }
}

static void put_elements(struct buf *buf, union datum datum, const struct type *type,
                         void (*put)(struct buf *, union atom, enum atom_type),
                         const char *separator)
{
    const char *before = "";
    struct elems_cursor cursor;

    for (datum_start(&datum, type, &cursor); cursor.key; elems_next(&cursor)) {
        buf_puts(buf, before);
        before = separator;
        put(buf, *cursor.key, type->key.type);
        if (cursor.value) {
            buf_putc(buf, '=');
            put(buf, *cursor.value, type->value.type);
        }
    }
}

void datum_put_text(struct buf *buf, union datum datum, const struct type *type)
{
    const char *brackets = type_is_map(type) ? "{}" : "[]";

    if (!type_is_map(type) && type->n_max == 1 && datum_n(datum, type) == 1) {
        atom_put_text(buf, *datum_first(&datum, type), type->key.type);
        return;
    }
    buf_putc(buf, brackets[0]);
    put_elements(buf, datum, type, atom_put_text, ", ");
    buf_putc(buf, brackets[1]);
}

void datum_put_bare(struct buf *buf, union datum datum, const struct type *type)
{
    put_elements(buf, datum, type, atom_put_bare, " ");
}
