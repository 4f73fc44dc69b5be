// SPDX-License-Identifier: Apache-2.0
#include "engine/operation.h"

#include "model/id.h"
#include "json/emit.h"

#include <assert.h>

#define BIT(n) (1u << (n))
#define WHERE  (BIT(MEMBER_TABLE) | BIT(MEMBER_WHERE))

static const struct {
    const char *name;
    unsigned required; // bits of enum member, "op" not among them
    unsigned optional;
} operations[] = {
    [OP_INSERT] = {"insert", BIT(MEMBER_TABLE) | BIT(MEMBER_ROW),
                   BIT(MEMBER_UUID_NAME) | BIT(MEMBER_UUID)},
    [OP_SELECT] = {"select", WHERE, BIT(MEMBER_COLUMNS) | BIT(MEMBER_SORT)},
    [OP_UPDATE] = {"update", WHERE | BIT(MEMBER_ROW), 0},
    [OP_MUTATE] = {"mutate", WHERE | BIT(MEMBER_MUTATIONS), 0},
    [OP_DELETE] = {"delete", WHERE, 0},
    // RFC 7047 requires "columns" in "wait"; existing servers do not.
    [OP_WAIT] = {"wait", WHERE | BIT(MEMBER_UNTIL) | BIT(MEMBER_ROWS),
                 BIT(MEMBER_COLUMNS) | BIT(MEMBER_TIMEOUT)},
    [OP_COMMIT] = {"commit", BIT(MEMBER_DURABLE), 0},
    [OP_ABORT] = {"abort", 0, 0},
    [OP_COMMENT] = {"comment", BIT(MEMBER_COMMENT), 0},
    [OP_ASSERT] = {"assert", BIT(MEMBER_LOCK), 0},
};
static_assert(ARRAY_SIZE(operations) == OP_ASSERT + 1, "every operation is in the table");

enum member_kind { KIND_STRING, KIND_ID, KIND_ARRAY, KIND_OBJECT, KIND_INTEGER, KIND_BOOLEAN };

static const struct {
    const char *name;
    enum member_kind kind;
} members[] = {
    [MEMBER_OP] = {"op", KIND_STRING},
    [MEMBER_TABLE] = {"table", KIND_ID},
    [MEMBER_WHERE] = {"where", KIND_ARRAY},
    [MEMBER_ROW] = {"row", KIND_OBJECT},
    [MEMBER_ROWS] = {"rows", KIND_ARRAY},
    [MEMBER_COLUMNS] = {"columns", KIND_ARRAY},
    [MEMBER_SORT] = {"sort", KIND_ARRAY},
    [MEMBER_MUTATIONS] = {"mutations", KIND_ARRAY},
    [MEMBER_UUID_NAME] = {"uuid-name", KIND_ID},
    [MEMBER_UUID] = {"uuid", KIND_STRING},
    [MEMBER_TIMEOUT] = {"timeout", KIND_INTEGER},
    [MEMBER_UNTIL] = {"until", KIND_STRING},
    [MEMBER_DURABLE] = {"durable", KIND_BOOLEAN},
    [MEMBER_COMMENT] = {"comment", KIND_STRING},
    [MEMBER_LOCK] = {"lock", KIND_ID},
};
static_assert(ARRAY_SIZE(members) == N_MEMBERS, "every member is in the table");
static_assert(N_MEMBERS <= 32, "members fit the bits of an unsigned");

const char *operation_name(enum operation_type type)
{
    assert(type < ARRAY_SIZE(operations));
    return operations[type].name;
}

struct ovsdb_error *operation_error(const char *tag, struct slice text, const char *details, ...)
{
    _cleanup_buf_ struct buf canonical = {0};
    _cleanup_buf_ struct buf message = {0};
    va_list args;

    emit_canonical(&canonical, text);
    va_start(args, details);
    buf_vprintf(&message, details, args);
    va_end(args);
    return error_syntax_tag(tag, buf_slice(&canonical), "%s", buf_cstr(&message));
}

static enum member member_find(struct slice name)
{
    for (int i = 0; i < N_MEMBERS; i++) {
        if (slice_is(name, members[i].name)) {
            return (enum member)i;
        }
    }
    return N_MEMBERS;
}

// Finds the members. *ret_unknown counts the members that no operation has; `unknown` gets the name
// of the first of them.
static void split_members(struct operation *operation, struct buf *scratch, struct buf *unknown,
                          unsigned *ret_unknown)
{
    struct cursor cursor;

    *ret_unknown = 0;
    cursor_init(&cursor, operation->text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, scratch);
        enum member member = member_find(name);

        if (member == N_MEMBERS) {
            if (!(*ret_unknown)++) {
                buf_put_slice(unknown, name);
            }
            cursor_skip(&cursor);
        } else {
            operation->members[member] = cursor_skip(&cursor);
        }
    }
}

static bool kind_fits(enum member_kind kind, struct slice value, struct buf *scratch)
{
    struct cursor cursor;
    int64_t integer;
    double real;

    cursor_init(&cursor, value);
    switch (cursor_kind(&cursor)) {
    case JSON_KIND_STRING:
        return kind == KIND_STRING ||
               (kind == KIND_ID && id_is_valid(cursor_string(&cursor, scratch)));
    case JSON_KIND_ARRAY:
        return kind == KIND_ARRAY;
    case JSON_KIND_OBJECT:
        return kind == KIND_OBJECT;
    case JSON_KIND_NUMBER:
        return kind == KIND_INTEGER && cursor_number(&cursor, &integer, &real);
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
        return kind == KIND_BOOLEAN;
    default:
        return false;
    }
}

static struct ovsdb_error *check_member(const struct operation *operation, enum member member,
                                        unsigned required, struct buf *scratch)
{
    struct slice value = operation->members[member];

    if (!value.data) {
        return required & BIT(member)
                   ? operation_error(ERROR_SYNTAX, operation->text, "the member \"%s\" is missing",
                                     members[member].name)
                   : NULL;
    }
    if (!kind_fits(members[member].kind, value, scratch)) {
        return operation_error(ERROR_SYNTAX, operation->text,
                               "the member \"%s\" is not of the right type", members[member].name);
    }
    return NULL;
}

static struct ovsdb_error *parse_type(struct operation *operation, struct buf *scratch)
{
    struct ovsdb_error *error = check_member(operation, MEMBER_OP, BIT(MEMBER_OP), scratch);
    struct slice name;

    if (error) {
        return error;
    }
    name = json_decode_string(operation->members[MEMBER_OP], scratch);
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        if (slice_is(name, operations[i].name)) {
            operation->type = (enum operation_type)i;
            return NULL;
        }
    }
    return operation_error(ERROR_SYNTAX, operation->text, "there is no operation " SLICE_FORMAT,
                           SLICE_ARGS(name));
}

static struct ovsdb_error *parse_table(struct operation *operation, const struct schema *schema,
                                       struct buf *scratch)
{
    struct slice name = json_decode_string(operation->members[MEMBER_TABLE], scratch);

    operation->table = schema_find_table(schema, name);
    return operation->table ? NULL
                            : operation_error(ERROR_SYNTAX, operation->text,
                                              "there is no table " SLICE_FORMAT, SLICE_ARGS(name));
}

static struct ovsdb_error *not_allowed(const struct operation *operation, const struct buf *unknown,
                                       unsigned n)
{
    struct slice name = buf_slice(unknown);

    return n == 1 ? operation_error(ERROR_SYNTAX, operation->text,
                                    "the member \"" SLICE_FORMAT "\" is not allowed in %s",
                                    SLICE_ARGS(name), operation_name(operation->type))
                  : operation_error(ERROR_SYNTAX, operation->text,
                                    "the member \"" SLICE_FORMAT
                                    "\" and %u more are not allowed in %s",
                                    SLICE_ARGS(name), n - 1, operation_name(operation->type));
}

// Counts the members that this operation does not have. If `unknown` is empty, it gets the name of
// the first of them.
static unsigned count_foreign(const struct operation *operation, unsigned allowed,
                              struct buf *unknown)
{
    unsigned n = 0;

    for (int i = 0; i < N_MEMBERS; i++) {
        if (operation->members[i].data && !(allowed & BIT(i))) {
            if (!unknown->size) {
                buf_puts(unknown, members[i].name);
            }
            n++;
        }
    }
    return n;
}

struct ovsdb_error *operation_parse(struct slice text, const struct schema *schema,
                                    struct buf *scratch, struct operation *ret)
{
    struct operation operation = {.text = text};
    _cleanup_buf_ struct buf unknown = {0};
    struct ovsdb_error *error;
    unsigned required, allowed, n_unknown;

    if (json_kind_of(text) != JSON_KIND_OBJECT) {
        return error_syntax(text, "an operation is an object");
    }
    split_members(&operation, scratch, &unknown, &n_unknown);
    error = parse_type(&operation, scratch);
    if (error) {
        return error;
    }
    required = operations[operation.type].required;
    allowed = required | operations[operation.type].optional | BIT(MEMBER_OP);
    for (int i = 0; i < N_MEMBERS && !error; i++) {
        if (allowed & BIT(i)) {
            error = check_member(&operation, (enum member)i, required, scratch);
        }
    }
    n_unknown += count_foreign(&operation, allowed, &unknown);
    if (!error && n_unknown) {
        error = not_allowed(&operation, &unknown, n_unknown);
    }
    if (!error && operation_has(&operation, MEMBER_TABLE)) {
        error = parse_table(&operation, schema, scratch);
    }
    if (!error) {
        *ret = operation;
    }
    return error;
}
