// SPDX-License-Identifier: Apache-2.0
// Arithmetic applies to a number or to every number of a set; insert and delete are set algebra.
// The type of the operand may differ from the column's: arithmetic takes one number; deletion from
// a map takes pairs or only keys.
#include "engine/mutation.h"

#include "engine/condition.h"

#include <assert.h>
#include <math.h>

static const char *const mutator_names[] = {
    [MUTATOR_ADD] = "+=",        [MUTATOR_SUB] = "-=", [MUTATOR_MUL] = "*=",
    [MUTATOR_DIV] = "/=",        [MUTATOR_MOD] = "%=", [MUTATOR_INSERT] = "insert",
    [MUTATOR_DELETE] = "delete",
};
static_assert(ARRAY_SIZE(mutator_names) == MUTATOR_DELETE + 1, "every mutator has a name");

static bool mutator_parse(struct slice name, enum mutator *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(mutator_names); i++) {
        if (slice_is(name, mutator_names[i])) {
            *ret = (enum mutator)i;
            return true;
        }
    }
    return false;
}

static bool mutator_fits(enum mutator mutator, const struct type *type)
{
    switch (mutator) {
    case MUTATOR_INSERT:
    case MUTATOR_DELETE:
        return !type_is_scalar(type);
    case MUTATOR_MOD:
        return !type_is_map(type) && type->key.type == ATOM_INTEGER;
    default:
        return !type_is_map(type) &&
               (type->key.type == ATOM_INTEGER || type->key.type == ATOM_REAL);
    }
}

// True if the value is written as ["map", ...].
static bool looks_like_map(struct slice value, struct buf *scratch)
{
    struct cursor cursor;

    cursor_init(&cursor, value);
    return cursor_kind(&cursor) == JSON_KIND_ARRAY && cursor_enter(&cursor) &&
           cursor_kind(&cursor) == JSON_KIND_STRING &&
           slice_is(cursor_string(&cursor, scratch), "map");
}

// Sets the type of the operand and returns which constraints it is checked against (RFC 7047 5.1).
static enum datum_check operand_type(struct mutation *mutation, struct slice value,
                                     struct buf *scratch)
{
    mutation->type = mutation->column->type;
    switch (mutation->mutator) {
    case MUTATOR_INSERT:
        return DATUM_CHECK_NO_MIN;
    case MUTATOR_DELETE:
        if (type_is_map(&mutation->type) && !looks_like_map(value, scratch)) {
            base_type_init(&mutation->type.value, ATOM_VOID);
            mutation->type.n_max = UINT32_MAX;
        }
        mutation->type.n_min = 0; // with n_min and n_max 1 the operand would be a scalar
        return DATUM_CHECK_NO_COUNT;
    default:
        base_type_init(&mutation->type.key, mutation->column->type.key.type);
        mutation->type.n_min = mutation->type.n_max = 1;
        return DATUM_CHECK_ALL;
    }
}

static struct ovsdb_error *check_column(struct slice text, const struct mutation *mutation,
                                        const struct table_schema *table)
{
    const struct column *column = mutation->column;

    if (!column->is_mutable || column->index <= COLUMN_VERSION) {
        return error_syntax_tag(ERROR_CONSTRAINT, text,
                                "column %s of table %s is immutable and cannot be mutated",
                                column->name, table->name);
    }
    if (!mutator_fits(mutation->mutator, &column->type)) {
        _cleanup_free_ char *type = type_text(&column->type);

        return error_syntax(text, "\"%s\" cannot be applied to column %s, whose type is %s",
                            mutator_names[mutation->mutator], column->name, type);
    }
    return NULL;
}

static struct ovsdb_error *mutation_decode(struct slice text, const struct table_schema *table,
                                           struct symbol_table *symbols, struct buf *scratch,
                                           struct mutation *ret)
{
    struct slice name, value;
    struct ovsdb_error *error =
        clause_cut(text, table, "a mutation is [<column>, <mutator>, <value>]", scratch,
                   &ret->column, &name, &value);
    enum datum_check check;
    struct cursor cursor;

    if (error) {
        return error;
    }
    if (!mutator_parse(name, &ret->mutator)) {
        return error_new(ERROR_UNKNOWN_MUTATOR, "there is no mutator " SLICE_FORMAT,
                         SLICE_ARGS(name));
    }
    error = check_column(text, ret, table);
    if (error) {
        return error;
    }
    check = operand_type(ret, value, scratch);
    cursor_init(&cursor, value);
    error = datum_decode(&cursor, &ret->type, check, symbols, scratch, &ret->value);
    if (error) {
        error_prefix(error, "table %s, column %s: ", table->name, ret->column->name);
    }
    return error;
}

struct ovsdb_error *mutations_decode(struct slice text, const struct table_schema *table,
                                     struct symbol_table *symbols, struct buf *scratch,
                                     struct mutations *ret)
{
    struct mutations mutations = {0};
    struct cursor cursor;
    size_t capacity = 0;

    cursor_init(&cursor, text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct mutation mutation = {0};
        struct ovsdb_error *error =
            mutation_decode(cursor_skip(&cursor), table, symbols, scratch, &mutation);

        if (error) {
            mutations_done(&mutations);
            return error;
        }
        GROW(mutations.list, mutations.n, capacity);
        mutations.list[mutations.n++] = mutation;
    }
    *ret = mutations;
    return NULL;
}

void mutations_done(struct mutations *mutations)
{
    for (size_t i = 0; i < mutations->n; i++) {
        datum_done(mutations->list[i].value, &mutations->list[i].type);
    }
    free(mutations->list);
    *mutations = (struct mutations){0};
}

static struct ovsdb_error *out_of_range(enum mutator mutator)
{
    return error_new(ERROR_RANGE, "the result of \"%s\" cannot be represented",
                     mutator_names[mutator]);
}

static struct ovsdb_error *mutate_integer(enum mutator mutator, int64_t *x, int64_t y)
{
    bool overflows = false;

    if ((mutator == MUTATOR_DIV || mutator == MUTATOR_MOD) && !y) {
        return error_new(ERROR_DOMAIN, "division by zero");
    }
    switch (mutator) {
    case MUTATOR_ADD:
        overflows = __builtin_add_overflow(*x, y, x);
        break;
    case MUTATOR_SUB:
        overflows = __builtin_sub_overflow(*x, y, x);
        break;
    case MUTATOR_MUL:
        overflows = __builtin_mul_overflow(*x, y, x);
        break;
    case MUTATOR_DIV:
        overflows = *x == INT64_MIN && y == -1;
        *x = overflows ? 0 : *x / y;
        break;
    default: // the processor traps on INT64_MIN % -1, which is 0
        assert(mutator == MUTATOR_MOD);
        *x = y == -1 ? 0 : *x % y;
        break;
    }
    return overflows ? out_of_range(mutator) : NULL;
}

static struct ovsdb_error *mutate_real(enum mutator mutator, double *x, double y)
{
    assert(mutator <= MUTATOR_DIV);
    if (mutator == MUTATOR_DIV && y == 0) {
        return error_new(ERROR_DOMAIN, "division by zero");
    }
    *x = mutator == MUTATOR_ADD   ? *x + y
         : mutator == MUTATOR_SUB ? *x - y
         : mutator == MUTATOR_MUL ? *x * y
                                  : *x / y;
    return isfinite(*x) ? NULL : out_of_range(mutator);
}

static struct ovsdb_error *mutate_atom(const struct mutation *mutation, union atom *atom)
{
    union atom operand = mutation->value.scalar;

    return mutation->type.key.type == ATOM_INTEGER
               ? mutate_integer(mutation->mutator, &atom->integer, operand.integer)
               : mutate_real(mutation->mutator, &atom->real, operand.real);
}

static struct ovsdb_error *mutate_set(const struct mutation *mutation, union datum old,
                                      union datum *ret)
{
    const struct type *type = &mutation->column->type;
    _cleanup_free_ union atom *atoms = NEW_ARRAY(union atom, datum_n(old, type) + 1u);
    struct elems_cursor cursor;
    struct ovsdb_error *error;
    uint32_t n = 0;

    for (datum_start(&old, type, &cursor); cursor.key; elems_next(&cursor)) {
        atoms[n] = *cursor.key;
        error = mutate_atom(mutation, &atoms[n++]);
        if (error) {
            return error;
        }
    }
    error = datum_build(type, atoms, NULL, n, ret);
    if (error) {
        error_free(error);
        return error_new(ERROR_CONSTRAINT, "the result of \"%s\" has an element twice",
                         mutator_names[mutation->mutator]);
    }
    return NULL;
}

struct ovsdb_error *mutation_apply(const struct mutation *mutation, union datum old,
                                   union datum *ret)
{
    const struct type *type = &mutation->column->type;
    struct ovsdb_error *error = NULL;
    union datum result = old;

    if (mutation->mutator == MUTATOR_INSERT) {
        result = datum_union(old, mutation->value, type);
    } else if (mutation->mutator == MUTATOR_DELETE) {
        result = datum_subtract(old, mutation->value, type,
                                type_is_map(type) && !type_is_map(&mutation->type));
    } else if (type_is_scalar(type)) {
        error = mutate_atom(mutation, &result.scalar);
    } else {
        error = mutate_set(mutation, old, &result);
    }
    if (error) {
        return error;
    }
    // The elements of the old value and of the operand have been checked.
    error = mutation->mutator == MUTATOR_INSERT || mutation->mutator == MUTATOR_DELETE
                ? datum_check_count(result, type)
                : datum_check(result, type);
    if (error) {
        datum_done(result, type);
        return error;
    }
    *ret = result;
    return NULL;
}
