// SPDX-License-Identifier: Apache-2.0
// The rules are rows of the database itself:
//
//     RBAC_Role {name, permissions: table name -> permission row}
//     permission row {authorization, insert_delete, update}
//
// Every operation that changes rows looks up the committed rules. So a change of the rules takes
// effect with the next operation after its commit, also in transactions that have waited, and a
// transaction cannot give itself permissions. If several rows have the role's name, an operation on
// a row needs the permission of only one of them.
//
// A client owns a row if one of the columns, or of the "column:key" pairs of a map, in
// `authorization` has the client's id as its value; the element "" makes the client own every row.
// Only columns of at most one string and maps of strings are compared, because a set could contain
// the ids of many clients. A client without id owns no row.
#include "engine/authorize.h"

#include "engine/transact.h"

// One permission row that applies.
struct grant {
    const struct datum_elems *authorization, *update; // strings; NULL: empty
    bool insert_delete;
};

struct grants {
    struct grant *list;
    size_t n, capacity;
};

// The reason why an attempt is refused.
struct refusal {
    const char *why;
    const struct row *row;       // or NULL
    const struct column *column; // or NULL
};

// The rules

static bool is_string(const struct type *type)
{
    return type_is_scalar(type) && type->key.type == ATOM_STRING;
}

// The value of a permission row's column, or NULL if the column is not a set of strings.
static const struct datum_elems *string_set(const struct row *row, const char *name)
{
    const struct column *column = table_schema_find_column(row->table, slice_of(name));

    return column && column->type.key.type == ATOM_STRING && !type_is_map(&column->type) &&
                   !type_is_scalar(&column->type)
               ? row_get(row, column).elems
               : NULL;
}

static bool is_true(const struct row *row, const char *name)
{
    const struct column *column = table_schema_find_column(row->table, slice_of(name));

    return column && type_is_scalar(&column->type) && column->type.key.type == ATOM_BOOLEAN &&
           row_get(row, column).scalar.boolean;
}

static bool is_permission_map(const struct type *type)
{
    return type_is_map(type) && type->key.type == ATOM_STRING && type->value.type == ATOM_UUID &&
           type->value.uuid.ref_table;
}

// The value of `key` in a map of strings, or NULL.
static const union atom *find_value(union datum map, const struct type *type, struct slice key)
{
    struct elems_cursor cursor;

    datum_start(&map, type, &cursor);
    while (cursor.key && !slice_equals(text_slice(cursor.key->string), key)) {
        elems_next(&cursor);
    }
    return cursor.value;
}

// Adds the permission of a row of RBAC_Role for the table, if it has one.
static void add_grant(struct grants *grants, const struct db *db, const struct row *role,
                      const struct column *permissions, const struct table_schema *table)
{
    const union atom *reference =
        find_value(row_get(role, permissions), &permissions->type, slice_of(table->name));
    const struct row *row =
        reference
            ? table_find(db_table_of(db, permissions->type.value.uuid.ref_table), reference->uuid)
            : NULL;

    if (row) {
        GROW(grants->list, grants->n, grants->capacity);
        grants->list[grants->n++] = (struct grant){
            .authorization = string_set(row, "authorization"),
            .update = string_set(row, "update"),
            .insert_delete = is_true(row, "insert_delete"),
        };
    }
}

static void find_grants(struct grants *grants, const struct db *db,
                        const struct table_schema *roles, const char *role_name,
                        const struct table_schema *table)
{
    const struct column *name = table_schema_find_column(roles, SLICE("name"));
    const struct column *permissions = table_schema_find_column(roles, SLICE("permissions"));
    size_t state = 0;
    const struct row *role;

    if (!name || !is_string(&name->type) || !permissions ||
        !is_permission_map(&permissions->type)) {
        return;
    }
    while ((role = table_next(db_table_of(db, roles), &state))) {
        if (slice_is(text_slice(row_get(role, name).scalar.string), role_name)) {
            add_grant(grants, db, role, permissions, table);
        }
    }
}

static void grants_done(struct grants *grants)
{
    free(grants->list);
}

// Rows

// Splits "column:key" and finds the column, or returns NULL. Without a colon ret_key->data is NULL.
static const struct column *split_column_key(struct slice text, const struct table_schema *table,
                                             struct slice *ret_key)
{
    const char *colon = memchr(text.data, ':', text.size);
    size_t size = colon ? (size_t)(colon - text.data) : text.size;

    *ret_key = colon ? (struct slice){colon + 1, text.size - size - 1} : SLICE_EMPTY;
    return table_schema_find_column(table, (struct slice){text.data, size});
}

// True if the column, or the key of a map, in `element` of `authorization` has the value `id`.
static bool names_owner(struct slice element, const struct row *row, const char *id)
{
    struct slice key;
    const struct column *column = split_column_key(element, row->table, &key);
    const union atom *value = NULL;
    const struct type *type;
    union datum datum;

    if (!column || column->type.key.type != ATOM_STRING) {
        return false;
    }
    type = &column->type;
    datum = row_get(row, column);
    if (!type_is_map(type)) {
        value = !key.data && type->n_max == 1 ? datum_first(&datum, type) : NULL;
    } else if (key.data && type->value.type == ATOM_STRING) {
        value = find_value(datum, type, key);
    }
    return value && slice_is(text_slice(value->string), id);
}

static bool is_owner(const struct grant *grant, const struct row *row, const char *id)
{
    struct elems_cursor cursor;

    for (elems_start(&cursor, grant->authorization, false); cursor.key; elems_next(&cursor)) {
        struct slice element = text_slice(cursor.key->string);

        if (!element.size || names_owner(element, row, id)) {
            return true;
        }
    }
    return false;
}

// Columns

// How much of a column the client may change.
enum extent { NOTHING, SOME_KEYS, EVERYTHING };

// The extent that `update` grants. With `key`, SOME_KEYS is returned only for a key that is
// granted.
static enum extent extent_of(const struct grant *grant, const struct table_schema *table,
                             const struct column *column, const struct slice *key)
{
    enum extent extent = NOTHING;
    struct elems_cursor cursor;

    for (elems_start(&cursor, grant->update, false); cursor.key; elems_next(&cursor)) {
        struct slice listed;

        if (split_column_key(text_slice(cursor.key->string), table, &listed) != column) {
            continue;
        }
        if (!listed.data) {
            return EVERYTHING;
        }
        if (type_is_map(&column->type) && column->type.key.type == ATOM_STRING &&
            (!key || slice_equals(listed, *key))) {
            extent = SOME_KEYS;
        }
    }
    return extent;
}

// True if the client may change all pairs, or keys, that are not the same in `a` and `b`, which
// have this type.
static bool may_change_pairs(const struct grant *grant, const struct table_schema *table,
                             const struct column *column, union datum a, union datum b,
                             const struct type *type)
{
    struct elems_delta delta;

    datum_delta_start(a, b, type, &delta);
    while (elems_delta_next(&delta)) {
        struct slice key = text_slice((delta.old_key ? delta.old_key : delta.new_key)->string);

        if (!extent_of(grant, table, column, &key)) {
            return false;
        }
    }
    return true;
}

static bool may_set(const struct grant *grant, const struct row *row, const struct column *column,
                    union datum value)
{
    enum extent extent = extent_of(grant, row->table, column, NULL);
    union datum old = row_get(row, column);

    return extent == EVERYTHING ||
           (extent == SOME_KEYS &&
            may_change_pairs(grant, row->table, column, old, value, &column->type));
}

static bool may_mutate(const struct grant *grant, const struct row *row,
                       const struct mutation *mutation)
{
    const struct column *column = mutation->column;
    enum extent extent = extent_of(grant, row->table, column, NULL);

    return extent == EVERYTHING ||
           (extent == SOME_KEYS && may_change_pairs(grant, row->table, column, DATUM_EMPTY,
                                                    mutation->value, &mutation->type));
}

// The first column of the attempt that the grant does not allow to change in this way; NULL: none.
static const struct column *forbidden_column(const struct grant *grant, const struct row *row,
                                             const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->n_columns; i++) {
        if (!may_set(grant, row, attempt->columns[i], attempt->values[i])) {
            return attempt->columns[i];
        }
    }
    for (size_t i = 0; attempt->mutations && i < attempt->mutations->n; i++) {
        if (!may_mutate(grant, row, &attempt->mutations->list[i])) {
            return attempt->mutations->list[i].column;
        }
    }
    return NULL;
}

// Decision

static bool grant_allows(const struct grant *grant, const struct row *row, const char *id,
                         const struct attempt *attempt, struct refusal *ret)
{
    enum operation_type type = attempt->operation->type;

    *ret = (struct refusal){.row = row};
    if ((type == OP_INSERT || type == OP_DELETE) && !grant->insert_delete) {
        ret->why = "the role may not insert or delete rows of this table";
    } else if (!is_owner(grant, row, id)) {
        ret->why = "no column named by \"authorization\" has the client's id as its value";
    } else if ((ret->column = forbidden_column(grant, row, attempt))) {
        ret->why = "the role may not change this column in this way";
    }
    return !ret->why;
}

static bool is_allowed(const struct grants *grants, const struct row *row, const char *id,
                       const struct attempt *attempt, struct refusal *ret)
{
    for (size_t i = 0; i < grants->n; i++) {
        if (grant_allows(&grants->list[i], row, id, attempt, ret)) {
            return true;
        }
    }
    return false;
}

static bool find_refusal(const struct run *run, const struct grants *grants,
                         const struct attempt *attempt, struct refusal *ret)
{
    const char *id = run->request->client_id;
    bool allowed = true;

    if (!id || !*id) {
        *ret = (struct refusal){.why = "the client has no id"};
        return true;
    }
    if (!grants->n) {
        *ret = (struct refusal){.why = "the role has no permission for this table"};
        return true;
    }
    if (attempt->inserted) {
        return !is_allowed(grants, attempt->inserted, id, attempt, ret);
    }
    for (size_t i = 0; i < run->query.n && allowed; i++) {
        allowed = is_allowed(grants, entry_visible(run->query.entries[i]), id, attempt, ret);
    }
    return !allowed;
}

// Makes the error for the client, and calls denied(). Both name client, operation, place and
// reason.
static struct ovsdb_error *refuse(const struct run *run, const struct operation *operation,
                                  const struct refusal *refusal)
{
    const struct transact_request *request = run->request;
    struct ovsdb_error *error = error_new(ERROR_PERMISSION, "%s", refusal->why);
    char uuid[UUID_LEN + 1] = "";

    if (refusal->column) {
        error_prefix(error, "column %s: ", refusal->column->name);
    }
    if (refusal->row) {
        uuid_format(refusal->row->uuid, uuid);
        error_prefix(error, "row %s: ", uuid);
    }
    error_prefix(error, "client \"%s\" with role \"%s\" is not allowed this %s in table %s: ",
                 request->client_id ? request->client_id : "", request->role,
                 operation_name(operation->type), operation->table->name);
    if (request->denied) {
        request->denied(request->userdata,
                        &(struct denial){
                            .database = run->db->schema->name,
                            .table = operation->table->name,
                            .column = refusal->column ? refusal->column->name : NULL,
                            .row = refusal->row ? uuid : NULL,
                            .details = error->details,
                        });
    }
    return error;
}

struct ovsdb_error *authorize(struct run *run, const struct attempt *attempt)
{
    const struct transact_request *request = run->request;
    const struct table_schema *roles =
        request->role ? schema_find_table(run->db->schema, SLICE("RBAC_Role")) : NULL;
    _cleanup_(grants_done) struct grants grants = {0};
    struct refusal refusal;

    if (!roles) {
        return NULL;
    }
    find_grants(&grants, run->db, roles, request->role, attempt->operation->table);
    return find_refusal(run, &grants, attempt, &refusal) ? refuse(run, attempt->operation, &refusal)
                                                         : NULL;
}
