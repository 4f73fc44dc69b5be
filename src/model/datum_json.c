// SPDX-License-Identifier: Apache-2.0
// Decodes a <value> (RFC 7047 5.1) from a cursor into a datum, and writes datums. The atoms are
// collected in a small array on the stack, or on the heap if there are many. They are sorted only
// if they are not in order; mostly they are, because servers and clients print sets sorted.
#include "model/datum.h"
#include "model/elems_build.h"
#include "json/emit.h"

#include <assert.h>

#define N_ON_STACK 64 // atoms

struct collector {
    const struct type *type;
    enum datum_check check;
    struct symbol_table *symbols;
    struct buf *scratch;
    union atom *atoms; // `on_stack`, or allocated
    size_t n;          // atoms
    size_t capacity;
    bool is_sorted; // the keys so far are strictly ascending
    union atom on_stack[N_ON_STACK];
};

static void collector_done(struct collector *c)
{
    if (c->atoms != c->on_stack) {
        free(c->atoms);
    }
}

// Releases the atoms, after an error.
static void collector_release(struct collector *c)
{
    uint32_t step = type_step(c->type);

    for (size_t i = 0; i < c->n; i++) {
        atom_done(c->atoms[i], i % step ? c->type->value.type : c->type->key.type);
    }
    c->n = 0;
}

static void collector_grow(struct collector *c)
{
    size_t capacity = c->capacity * 4;

    assert(c->n == c->capacity);
    if (c->atoms == c->on_stack) {
        c->atoms = xmemdup(c->on_stack, sizeof(c->on_stack));
    }
    c->atoms = xreallocarray(c->atoms, capacity, sizeof(*c->atoms));
    c->capacity = capacity;
}

// Decodes one atom and checks its constraints.
static struct ovsdb_error *collect_atom(struct collector *c, struct cursor *cursor,
                                        const struct base_type *base)
{
    struct ovsdb_error *error;

    if (c->n == c->capacity) {
        collector_grow(c);
    }
    error = atom_decode(cursor, base->type, c->symbols, c->scratch, &c->atoms[c->n]);
    if (!error) {
        c->n++;
        if (c->check != DATUM_CHECK_NOTHING) {
            error = base_type_check(base, c->atoms[c->n - 1]);
        }
    }
    return error;
}

// Decodes the element at the cursor: a pair in a map, an atom in a set.
static struct ovsdb_error *collect_element(struct collector *c, struct cursor *cursor)
{
    struct cursor start = *cursor;
    struct ovsdb_error *error;

    if (!type_is_map(c->type)) {
        return collect_atom(c, cursor, &c->type->key);
    }
    if (cursor_kind(cursor) != JSON_KIND_ARRAY || !cursor_enter(cursor)) {
        return error_syntax(cursor_skip(&start), "expected a pair, [<atom>, <atom>]");
    }
    error = collect_atom(c, cursor, &c->type->key);
    if (error) {
        return error;
    }
    if (!cursor_more(cursor)) {
        return error_syntax(cursor_skip(&start), "expected a pair, [<atom>, <atom>]");
    }
    error = collect_atom(c, cursor, &c->type->value);
    if (!error && cursor_more(cursor)) {
        error = error_syntax(cursor_skip(&start), "expected a pair, [<atom>, <atom>]");
    }
    return error;
}

static struct ovsdb_error *collect_elements(struct collector *c, struct cursor *cursor)
{
    atom_comparator *compare = atom_comparator_of(c->type->key.type);
    uint32_t step = type_step(c->type);

    for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
        struct ovsdb_error *error = collect_element(c, cursor);

        if (error) {
            return error;
        }
        if (c->is_sorted && c->n > step) {
            c->is_sorted = compare(&c->atoms[c->n - 2 * step], &c->atoms[c->n - step]) < 0;
        }
    }
    return NULL;
}

// Checks the number of elements against the bounds of the type that apply under `check`.
static struct ovsdb_error *check_count(const struct type *type, enum datum_check check, size_t n,
                                       struct cursor start)
{
    const char *what = type_is_map(type) ? "pair" : "element";
    bool is_scalar = type_is_scalar(type); // exactly one atom under any `check`
    uint32_t n_min = check == DATUM_CHECK_ALL || is_scalar ? type->n_min : 0;
    uint32_t n_max = check <= DATUM_CHECK_NO_MIN || is_scalar ? type->n_max : ELEMS_MAX;

    n_max = MIN(n_max, ELEMS_MAX);
    if (n >= n_min && n <= n_max) {
        return NULL;
    }
    if (n_min == n_max) {
        return error_syntax(cursor_skip(&start), "must have exactly one %s, not %zu", what, n);
    }
    if (n < n_min) {
        return error_syntax(cursor_skip(&start), "must have at least one %s", what);
    }
    return error_syntax(cursor_skip(&start), "must have at most %u %s%s, not %zu", n_max, what,
                        n_max == 1 ? "" : "s", n);
}

// Moves the cursor from ["set", [...]] or ["map", [...]] to the first string and past it. False if
// the value does not begin with this tag; the cursor may have moved.
static bool enter_container(struct cursor *cursor, const char *tag, struct buf *scratch)
{
    return cursor_kind(cursor) == JSON_KIND_ARRAY && cursor_enter(cursor) &&
           cursor_kind(cursor) == JSON_KIND_STRING && slice_is(cursor_string(cursor, scratch), tag);
}

static struct ovsdb_error *collect_container(struct collector *c, struct cursor *cursor,
                                             struct cursor start)
{
    const char *expected =
        type_is_map(c->type) ? "expected [\"map\", <array>]" : "expected [\"set\", <array>]";
    struct ovsdb_error *error;
    struct cursor inner;

    if (!cursor_more(cursor) || cursor_kind(cursor) != JSON_KIND_ARRAY) {
        return error_syntax(cursor_skip(&start), "%s", expected);
    }
    inner = *cursor;
    if (c->type->n_max != UINT32_MAX) {
        struct cursor ahead = inner;

        error = check_count(c->type, c->check, json_count(cursor_skip(&ahead)), start);
        if (error) {
            return error;
        }
    }
    error = collect_elements(c, cursor);
    if (!error && cursor_more(cursor)) {
        error = error_syntax(cursor_skip(&start), "%s", expected);
    }
    return error ? error : check_count(c->type, c->check, c->n / type_step(c->type), start);
}

// True if the value is certainly not ["set", ...]. For most values the first byte decides.
static bool is_bare_atom(const struct cursor *cursor)
{
    return cursor_kind(cursor) != JSON_KIND_ARRAY ||
           (cursor->end - cursor->p > 2 && !memcmp(cursor->p, "[\"u", 3));
}

static struct ovsdb_error *collect_value(struct collector *c, struct cursor *cursor)
{
    struct cursor start = *cursor;

    if (type_is_map(c->type)) {
        if (!enter_container(cursor, "map", c->scratch)) {
            return error_syntax(cursor_skip(&start), "expected [\"map\", <array>]");
        }
    } else if (is_bare_atom(cursor)) {
        return collect_atom(c, cursor, &c->type->key);
    } else if (!enter_container(cursor, "set", c->scratch)) {
        *cursor = start;
        return collect_atom(c, cursor, &c->type->key);
    }
    return collect_container(c, cursor, start);
}

// True if the value is one atom that can be decoded without a collector.
static bool is_bare_scalar(const struct cursor *cursor, const struct type *type)
{
    return type_is_scalar(type) && is_bare_atom(cursor);
}

static struct ovsdb_error *decode_bare_scalar(struct cursor *cursor, const struct base_type *base,
                                              enum datum_check check, struct symbol_table *symbols,
                                              struct buf *scratch, union datum *ret)
{
    struct ovsdb_error *error;
    union atom atom;

    error = atom_decode(cursor, base->type, symbols, scratch, &atom);
    if (error) {
        return error;
    }
    if (check != DATUM_CHECK_NOTHING) {
        error = base_type_check(base, atom);
        if (error) {
            atom_done(atom, base->type);
            return error;
        }
    }
    ret->scalar = atom;
    return NULL;
}

struct ovsdb_error *datum_decode(struct cursor *cursor, const struct type *type,
                                 enum datum_check check, struct symbol_table *symbols,
                                 struct buf *scratch, union datum *ret)
{
    struct ovsdb_error *error;
    struct collector c;

    if (is_bare_scalar(cursor, type)) {
        return decode_bare_scalar(cursor, &type->key, check, symbols, scratch, ret);
    }
    c.type = type;
    c.check = check;
    c.symbols = symbols;
    c.scratch = scratch;
    c.atoms = c.on_stack;
    c.n = 0;
    c.capacity = N_ON_STACK;
    c.is_sorted = true;
    error = collect_value(&c, cursor);
    if (!error && type_is_scalar(type)) {
        assert(c.n == 1);
        ret->scalar = c.atoms[0];
    } else if (!error) {
        uint32_t step = type_step(type);

        assert(c.n % step == 0 && c.n / step <= ELEMS_MAX);
        error = elems_finish(type->key.type, step, c.atoms, (uint32_t)(c.n / step), c.is_sorted,
                             &ret->elems);
    }
    if (error) {
        collector_release(&c);
    }
    collector_done(&c);
    return error;
}

struct ovsdb_error *datum_decode_diff(struct cursor *cursor, union datum old,
                                      const struct type *type, struct buf *scratch,
                                      union datum *ret)
{
    union datum diff;
    struct ovsdb_error *error =
        datum_decode(cursor, type, DATUM_CHECK_NO_COUNT, NULL, scratch, &diff);

    if (error) {
        return error;
    }
    error = datum_apply_diff(old, diff, type, ret);
    datum_done(diff, type);
    return error;
}

void datum_put(struct buf *buf, union datum datum, const struct type *type)
{
    bool is_map = type_is_map(type);
    struct elems_cursor cursor;

    datum_start(&datum, type, &cursor);
    if (!is_map && datum_n(datum, type) == 1) {
        atom_put(buf, *cursor.key, type->key.type);
        return;
    }
    buf_puts(buf, is_map ? "[\"map\",[" : "[\"set\",[");
    for (; cursor.key; elems_next(&cursor)) {
        emit_next(buf);
        if (is_map) {
            buf_putc(buf, '[');
        }
        atom_put(buf, *cursor.key, type->key.type);
        if (is_map) {
            emit_next(buf);
            atom_put(buf, *cursor.value, type->value.type);
            buf_putc(buf, ']');
        }
    }
    buf_puts(buf, "]]");
}
