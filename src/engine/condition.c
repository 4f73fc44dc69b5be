// SPDX-License-Identifier: Apache-2.0
// For scalars "includes" means "==" and "excludes" means "!=" (RFC 7047 5.1). Decoding replaces
// them, so that matching needs one comparison for each clause.
#include "engine/condition.h"

#include <assert.h>

static const char *const function_names[] = {
    [COND_LT] = "<",
    [COND_LE] = "<=",
    [COND_EQ] = "==",
    [COND_NE] = "!=",
    [COND_GE] = ">=",
    [COND_GT] = ">",
    [COND_INCLUDES] = "includes",
    [COND_EXCLUDES] = "excludes",
};
static_assert(ARRAY_SIZE(function_names) == COND_FALSE, "every function of a column has a name");

static bool function_parse(struct slice name, enum condition_function *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(function_names); i++) {
        if (slice_is(name, function_names[i])) {
            *ret = (enum condition_function)i;
            return true;
        }
    }
    return false;
}

// True for functions that need an order of values.
static bool function_is_order(enum condition_function function)
{
    return function == COND_LT || function == COND_LE || function == COND_GE || function == COND_GT;
}

static bool type_has_order(const struct type *type)
{
    return (type->key.type == ATOM_INTEGER || type->key.type == ATOM_REAL) && !type_is_map(type) &&
           type->n_max == 1;
}

static enum datum_check check_for(enum condition_function function)
{
    return function == COND_INCLUDES   ? DATUM_CHECK_NO_MIN
           : function == COND_EXCLUDES ? DATUM_CHECK_NO_COUNT
                                       : DATUM_CHECK_ALL;
}

struct ovsdb_error *clause_cut(struct slice text, const struct table_schema *table,
                               const char *form, struct buf *scratch,
                               const struct column **ret_column, struct slice *ret_name,
                               struct slice *ret_value)
{
    struct slice parts[3], name;

    if (json_cut(text, parts, 3) != 3 || json_kind_of(parts[0]) != JSON_KIND_STRING ||
        json_kind_of(parts[1]) != JSON_KIND_STRING) {
        return error_syntax(text, "%s", form);
    }
    name = json_decode_string(parts[0], scratch);
    *ret_column = table_schema_find_column(table, name);
    if (!*ret_column) {
        return error_syntax_tag(ERROR_UNKNOWN_COLUMN, text, "table %s has no column " SLICE_FORMAT,
                                table->name, SLICE_ARGS(name));
    }
    *ret_name = json_decode_string(parts[1], scratch);
    *ret_value = parts[2];
    return NULL;
}

static struct ovsdb_error *type_mismatch(struct slice text, const struct column *column,
                                         enum condition_function function)
{
    _cleanup_free_ char *type = type_text(&column->type);

    return error_syntax(text, "\"%s\" cannot be applied to column %s, whose type is %s",
                        function_names[function], column->name, type);
}

static struct ovsdb_error *clause_decode(struct slice text, const struct table_schema *table,
                                         struct symbol_table *symbols, struct buf *scratch,
                                         struct condition_clause *ret)
{
    struct slice name, value;
    struct ovsdb_error *error =
        clause_cut(text, table, "a condition is [<column>, <function>, <value>], true or false",
                   scratch, &ret->column, &name, &value);
    struct cursor cursor;

    if (error) {
        return error;
    }
    if (!function_parse(name, &ret->function)) {
        return error_new(ERROR_UNKNOWN_FUNCTION, "there is no function " SLICE_FORMAT,
                         SLICE_ARGS(name));
    }
    if (function_is_order(ret->function) && !type_has_order(&ret->column->type)) {
        return type_mismatch(text, ret->column, ret->function);
    }
    if (type_is_scalar(&ret->column->type)) {
        ret->function = ret->function == COND_INCLUDES   ? COND_EQ
                        : ret->function == COND_EXCLUDES ? COND_NE
                                                         : ret->function;
    }
    cursor_init(&cursor, value);
    error = datum_decode(&cursor, &ret->column->type, check_for(ret->function), symbols, scratch,
                         &ret->value);
    if (!error && function_is_order(ret->function) && !datum_n(ret->value, &ret->column->type)) {
        datum_done(ret->value, &ret->column->type);
        error = error_syntax(value, "\"%s\" needs exactly one value to compare with",
                             function_names[ret->function]);
    }
    if (error) {
        error_prefix(error, "table %s, column %s: ", table->name, ret->column->name);
    }
    return error;
}

struct ovsdb_error *condition_decode(struct cursor *cursor, const struct table_schema *table,
                                     struct symbol_table *symbols, struct buf *scratch,
                                     struct condition *ret)
{
    struct condition condition = {0};
    size_t capacity = 0;

    if (cursor_kind(cursor) != JSON_KIND_ARRAY) {
        return error_syntax(cursor_skip(cursor), "an array of conditions expected");
    }
    for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
        enum json_kind kind = cursor_kind(cursor);
        struct slice text = cursor_skip(cursor);
        struct condition_clause clause = {.function =
                                              kind == JSON_KIND_TRUE ? COND_TRUE : COND_FALSE};

        if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE) {
            struct ovsdb_error *error = clause_decode(text, table, symbols, scratch, &clause);

            if (error) {
                condition_done(&condition);
                return error;
            }
        }
        GROW(condition.clauses, condition.n_clauses, capacity);
        condition.clauses[condition.n_clauses++] = clause;
    }
    *ret = condition;
    return NULL;
}

void condition_done(struct condition *condition)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition->clauses[i].column) {
            datum_done(condition->clauses[i].value, &condition->clauses[i].column->type);
        }
    }
    free(condition->clauses);
    *condition = (struct condition){0};
}

// Extended 5.1: for optional numbers the order functions are false when the column is empty.
static bool order_matches(const struct condition_clause *clause, union datum value)
{
    const struct type *type = &clause->column->type;
    int cmp;

    if (!datum_n(value, type)) {
        return false;
    }
    cmp = atom_compare(*datum_first(&value, type), *datum_first(&clause->value, type),
                       type->key.type);
    switch (clause->function) {
    case COND_LT:
        return cmp < 0;
    case COND_LE:
        return cmp <= 0;
    case COND_GE:
        return cmp >= 0;
    default:
        assert(clause->function == COND_GT);
        return cmp > 0;
    }
}

bool condition_clause_matches(const struct condition_clause *clause, const struct row *row)
{
    const struct type *type;
    union datum value;

    if (!clause->column) {
        return clause->function == COND_TRUE;
    }
    assert(clause->column->index < row->table->n_columns);
    type = &clause->column->type;
    value = row_get(row, clause->column);
    switch (clause->function) {
    case COND_EQ:
        return datum_equals(value, clause->value, type);
    case COND_NE:
        return !datum_equals(value, clause->value, type);
    case COND_INCLUDES:
        return datum_includes_all(value, clause->value, type);
    case COND_EXCLUDES:
        return datum_excludes_all(value, clause->value, type);
    default:
        return order_matches(clause, value);
    }
}

bool condition_matches_all(const struct condition *condition, const struct row *row)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (!condition_clause_matches(&condition->clauses[i], row)) {
            return false;
        }
    }
    return true;
}

bool condition_matches_any(const struct condition *condition, const struct row *row)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition_clause_matches(&condition->clauses[i], row)) {
            return true;
        }
    }
    return !condition->n_clauses;
}
