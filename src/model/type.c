// SPDX-License-Identifier: Apache-2.0
// Base types and their constraints, which are checked for every atom that a client writes. The JSON
// of types is in type_json.c.
#include "model/type.h"

#include "basic/utf8.h"
#include "model/elems_cursor.h"

#include <float.h>

#define MAX_SHOWN 256 // bytes of an atom that an error shows

void base_type_init(struct base_type *base, enum atom_type type)
{
    *base = (struct base_type){.type = type};
    switch (type) {
    case ATOM_INTEGER:
        base->integer.min = INT64_MIN;
        base->integer.max = INT64_MAX;
        break;
    case ATOM_REAL:
        base->real.min = -DBL_MAX;
        base->real.max = DBL_MAX;
        break;
    case ATOM_STRING:
        base->string.max = UINT32_MAX;
        break;
    case ATOM_BOOLEAN:
    case ATOM_UUID:
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
}

void base_type_done(struct base_type *base)
{
    elems_unref(base->enumeration, base->type, ATOM_VOID);
    if (base->type == ATOM_UUID) {
        free(base->uuid.ref_table_name);
    }
    base_type_init(base, ATOM_VOID);
}

void type_done(struct type *type)
{
    base_type_done(&type->key);
    base_type_done(&type->value);
}

// A "constraint violation" whose details are the text of `atom` and the formatted text.
PRINTF_FORMAT(3, 4)
static struct ovsdb_error *violation(const struct base_type *base, union atom atom,
                                     const char *format, ...)
{
    _cleanup_buf_ struct buf text = {0};
    va_list args;

    atom_put_text(&text, atom, base->type);
    if (text.size > MAX_SHOWN) {
        text.size = utf8_cut(buf_slice(&text), MAX_SHOWN);
        buf_puts(&text, "...");
    }
    buf_putc(&text, ' ');
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    return error_new(ERROR_CONSTRAINT, "%s", buf_cstr(&text));
}

static struct ovsdb_error *check_enum(const struct base_type *base, union atom atom)
{
    _cleanup_buf_ struct buf text = {0};
    struct elems_cursor cursor;

    if (elems_find(base->enumeration, base->type, atom, NULL)) {
        return NULL;
    }
    for (elems_start(&cursor, base->enumeration, false); cursor.key; elems_next(&cursor)) {
        buf_puts(&text, text.size ? ", " : "");
        atom_put_text(&text, *cursor.key, base->type);
    }
    return violation(base, atom, "is none of the allowed values [%s]", buf_cstr(&text));
}

static struct ovsdb_error *check_integer(const struct base_type *base, union atom atom)
{
    int64_t min = base->integer.min, max = base->integer.max;

    if (atom.integer >= min && atom.integer <= max) {
        return NULL;
    }
    if (max == INT64_MAX) {
        return violation(base, atom, "is less than the minimum, %lld", (long long)min);
    }
    if (min == INT64_MIN) {
        return violation(base, atom, "is greater than the maximum, %lld", (long long)max);
    }
    return violation(base, atom, "is not in the range from %lld to %lld", (long long)min,
                     (long long)max);
}

static struct ovsdb_error *check_real(const struct base_type *base, union atom atom)
{
    double min = base->real.min, max = base->real.max;

    if (atom.real >= min && atom.real <= max) {
        return NULL;
    }
    if (max == DBL_MAX) {
        return violation(base, atom, "is less than the minimum, %.15g", min);
    }
    if (min == -DBL_MAX) {
        return violation(base, atom, "is greater than the maximum, %.15g", max);
    }
    return violation(base, atom, "is not in the range from %.15g to %.15g", min, max);
}

static struct ovsdb_error *check_length(const struct base_type *base, union atom atom)
{
    uint32_t min = base->string.min, max = base->string.max;
    size_t n;

    if (!min && max == UINT32_MAX) {
        return NULL;
    }
    n = utf8_count(text_slice(atom.string));
    if (n < min) {
        return violation(base, atom, "has %zu characters, the minimum is %u", n, min);
    }
    if (n > max) {
        return violation(base, atom, "has %zu characters, the maximum is %u", n, max);
    }
    return NULL;
}

struct ovsdb_error *base_type_check(const struct base_type *base, union atom atom)
{
    if (base->enumeration) {
        return check_enum(base, atom);
    }
    switch (base->type) {
    case ATOM_INTEGER:
        return check_integer(base, atom);
    case ATOM_REAL:
        return check_real(base, atom);
    case ATOM_STRING:
        return check_length(base, atom);
    case ATOM_BOOLEAN:
    case ATOM_UUID:
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return NULL;
}

static const char *plural(enum atom_type type)
{
    static const char *const names[ATOM_N_TYPES] = {
        [ATOM_INTEGER] = "integers", [ATOM_REAL] = "reals", [ATOM_BOOLEAN] = "booleans",
        [ATOM_STRING] = "strings",   [ATOM_UUID] = "UUIDs",
    };

    return names[type];
}

char *type_text(const struct type *type)
{
    struct buf buf = {0};

    if (type_is_scalar(type)) {
        return xstrdup(atom_type_name(type->key.type));
    }
    if (type_is_optional(type) && !type_is_map(type)) {
        return xasprintf("optional %s", atom_type_name(type->key.type));
    }
    buf_puts(&buf, type_is_map(type) ? "map of " : "set of ");
    if (type->n_min) {
        buf_puts(&buf, type->n_max == 1 ? "exactly " : "at least ");
        buf_puts(&buf, "one ");
    }
    if (type->n_max != UINT32_MAX && !(type->n_min && type->n_max == 1)) {
        buf_printf(&buf, "%sup to %u ", type->n_min ? "and " : "", type->n_max);
    }
    if (type_is_map(type)) {
        buf_printf(&buf, "%s-%s pair%s", atom_type_name(type->key.type),
                   atom_type_name(type->value.type), type->n_max == 1 ? "" : "s");
    } else {
        buf_puts(&buf, plural(type->key.type));
    }
    return buf_steal(&buf);
}
