// SPDX-License-Identifier: Apache-2.0
// Parses <database-schema>, <table-schema> and <column-schema> (RFC 7047 3.2).
//
// Tables refer to each other, so there are four passes: the tables with their columns and indexes;
// the references to tables; which tables are roots; the properties of columns that depend on roots.
// Errors name the place: "table T, column C: ...".
#include "model/members.h"
#include "model/schema.h"
#include "json/tree.h"

#include <assert.h>

// The offset of a value in a row has 16 bits, and a UUID takes two words.
#define MAX_COLUMNS 32000
#define MAX_TABLES  UINT16_MAX
static_assert(2 * (MAX_COLUMNS + COLUMN_VERSION + 1) <= UINT16_MAX, "all offsets fit");

static struct ovsdb_error *check_name(const json_t *json, const char *what, const char *name)
{
    if (!id_is_valid(slice_of(name))) {
        return error_json(json, "%s name \"%s\" is no valid <id>", what, name);
    }
    if (name[0] == '_') {
        return error_json(json, "%s name \"%s\": names that begin with \"_\" are reserved", what,
                          name);
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The names of the members in ascending order, followed by NULL. The caller frees the array.
static const char **sorted_names(const json_t *object)
{
    const char **names = NEW_ARRAY(const char *, json_object_size(object) + 1);
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)object, name, value)
    {
        names[n++] = name;
    }
    qsort(names, n, sizeof(*names), compare_names);
    return names;
}

static void column_init(struct table_schema *table, const char *name)
{
    struct column *column = &table->columns[table->n_columns];

    column->name = xstrdup(name);
    column->name_size = (uint32_t)strlen(name);
    column->index = table->n_columns++;
    column->is_mutable = true;
    column->is_persistent = true;
}

// Adds _uuid and _version, which every table has.
static void add_implicit_columns(struct table_schema *table)
{
    static const char *const names[] = {[COLUMN_UUID] = "_uuid", [COLUMN_VERSION] = "_version"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct type *type = &table->columns[i].type;

        column_init(table, names[i]);
        base_type_init(&type->key, ATOM_UUID);
        base_type_init(&type->value, ATOM_VOID);
        type->n_min = type->n_max = 1;
        table->columns[i].n_words = 2;
        table->columns[i].is_mutable = false;
    }
    table->columns[COLUMN_VERSION].is_persistent = false;
}

static struct ovsdb_error *parse_column(struct column *column, const json_t *json)
{
    struct ovsdb_error *error = NULL, *end_error;
    const json_t *type, *ephemeral, *mutable;
    struct members members;

    members_begin(&members, json, "a <column-schema>");
    type = members_take(&members, "type", MEMBER_STRING | MEMBER_OBJECT);
    ephemeral = members_take(&members, "ephemeral", MEMBER_BOOLEAN | MEMBER_OPTIONAL);
    mutable = members_take(&members, "mutable", MEMBER_BOOLEAN | MEMBER_OPTIONAL);
    end_error = members_end(&members);
    if (!end_error) {
        error = type_from_json(type, &column->type);
        column->is_ephemeral_declared = json_is_true(ephemeral);
        column->is_mutable = !json_is_false(mutable);
    }
    return end_error ? end_error : error;
}

// Determines where the values of the columns are in a row.
static void place_columns(struct table_schema *table)
{
    assert(!table->n_words);
    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        struct column *column = &table->columns[i];

        column->n_words =
            column->type.key.type == ATOM_UUID && type_is_scalar(&column->type) ? 2 : 1;
        column->offset = table->n_words;
        table->n_words += column->n_words;
    }
}

static void index_columns_by_name(struct table_schema *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        struct column *column = &table->columns[i];

        htable_insert(&table->by_name, hash_name(column->name, column->name_size), column);
    }
}

static struct ovsdb_error *parse_columns(struct table_schema *table, const json_t *json,
                                         const json_t *columns)
{
    _cleanup_free_ const char **names = sorted_names(columns);
    size_t n = json_object_size(columns);

    if (!n || n > MAX_COLUMNS) {
        return error_json(json, "table %s: a table must have from 1 to %u columns", table->name,
                          MAX_COLUMNS);
    }
    table->columns = NEW_ARRAY(struct column, n + COLUMN_VERSION + 1);
    add_implicit_columns(table);
    for (size_t i = 0; i < n; i++) {
        struct column *column = &table->columns[table->n_columns];
        struct ovsdb_error *error = check_name(json, "column", names[i]);

        if (error) {
            error_prefix(error, "table %s: ", table->name);
            return error;
        }
        column_init(table, names[i]);
        error = parse_column(column, json_object_get(columns, names[i]));
        if (error) {
            error_prefix(error, "table %s, column %s: ", table->name, names[i]);
            return error;
        }
    }
    place_columns(table);
    index_columns_by_name(table);
    return NULL;
}

static struct ovsdb_error *parse_index(const struct table_schema *table, const json_t *json,
                                       struct index_schema *index)
{
    if (!json_is_array(json) || !json_array_size(json)) {
        return error_json(json, "an index must be an array of one or more column names");
    }
    index->columns = NEW_ARRAY(const struct column *, json_array_size(json));
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *name = json_array_get(json, i);
        const struct column *column;

        if (!json_is_string(name)) {
            return error_json(json, "an index must be an array of one or more column names");
        }
        column = table_schema_find_column(table, slice_of(json_string_value(name)));
        if (!column) {
            return error_json(json, "there is no column %s to index", json_string_value(name));
        }
        for (size_t j = 0; j < index->n_columns; j++) {
            if (index->columns[j] == column) {
                return error_json(json, "an index must not have column %s twice", column->name);
            }
        }
        index->columns[index->n_columns++] = column;
    }
    return NULL;
}

static struct ovsdb_error *parse_indexes(struct table_schema *table, const json_t *json)
{
    size_t n = json_array_size(json);

    table->indexes = n ? NEW_ARRAY(struct index_schema, n) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_error *error;

        table->n_indexes++;
        error = parse_index(table, json_array_get(json, i), &table->indexes[i]);
        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *parse_max_rows(struct table_schema *table, const json_t *json,
                                          const json_t *max_rows)
{
    json_int_t value = max_rows ? json_integer_value(max_rows) : UINT32_MAX;

    if (value < 1) {
        return error_json(json, "maxRows must be at least 1");
    }
    table->max_rows = (uint32_t)MIN(value, (json_int_t)UINT32_MAX);
    return NULL;
}

// Parses the members of a table except for the columns and indexes, whose JSON it returns.
static struct ovsdb_error *parse_table_members(struct table_schema *table, const json_t *json,
                                               const json_t **ret_columns,
                                               const json_t **ret_indexes)
{
    const json_t *is_root, *max_rows;
    struct ovsdb_error *error;
    struct members members;

    members_begin(&members, json, "a <table-schema>");
    *ret_columns = members_take(&members, "columns", MEMBER_OBJECT);
    max_rows = members_take(&members, "maxRows", MEMBER_INTEGER | MEMBER_OPTIONAL);
    is_root = members_take(&members, "isRoot", MEMBER_BOOLEAN | MEMBER_OPTIONAL);
    *ret_indexes = members_take(&members, "indexes", MEMBER_ARRAY | MEMBER_OPTIONAL);
    error = members_end(&members);
    table->is_root_declared = json_is_true(is_root);
    return error ? error : parse_max_rows(table, json, max_rows);
}

static struct ovsdb_error *parse_table(struct table_schema *table, const json_t *json)
{
    const json_t *columns, *indexes;
    struct ovsdb_error *error = parse_table_members(table, json, &columns, &indexes);

    if (!error) {
        error = parse_columns(table, json, columns);
        if (error) {
            return error; // it names the table already
        }
        error = parse_indexes(table, indexes);
    }
    if (error) {
        error_prefix(error, "table %s: ", table->name);
    }
    return error;
}

static struct ovsdb_error *parse_tables(struct schema *schema, const json_t *json,
                                        const json_t *tables)
{
    _cleanup_free_ const char **names = sorted_names(tables);
    size_t n = json_object_size(tables);

    if (n > MAX_TABLES) {
        return error_new(ERROR_SYNTAX, "a schema must have at most %u tables", MAX_TABLES);
    }
    schema->tables = NEW_ARRAY(struct table_schema, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct table_schema *table = &schema->tables[i];
        struct ovsdb_error *error = check_name(json, "table", names[i]);

        if (error) {
            return error;
        }
        table->name = xstrdup(names[i]);
        table->name_size = (uint32_t)strlen(names[i]);
        table->index = schema->n_tables++;
        error = parse_table(table, json_object_get(tables, names[i]));
        if (error) {
            return error;
        }
        htable_insert(&schema->by_name, hash_name(table->name, table->name_size), table);
    }
    return NULL;
}

static struct ovsdb_error *resolve_reference(const struct schema *schema, struct base_type *base)
{
    if (base->type != ATOM_UUID || !base->uuid.ref_table_name) {
        return NULL;
    }
    base->uuid.ref_table = schema_find_table(schema, slice_of(base->uuid.ref_table_name));
    if (!base->uuid.ref_table) {
        return error_new(ERROR_SYNTAX, "refTable names table %s, which does not exist",
                         base->uuid.ref_table_name);
    }
    return NULL;
}

static struct ovsdb_error *resolve_references(struct schema *schema)
{
    for (size_t i = 0; i < schema->n_tables; i++) {
        struct table_schema *table = &schema->tables[i];

        for (size_t j = 0; j < table->n_columns; j++) {
            struct column *column = &table->columns[j];
            struct ovsdb_error *error = resolve_reference(schema, &column->type.key);

            if (!error) {
                error = resolve_reference(schema, &column->type.value);
            }
            if (error) {
                error_prefix(error, "table %s, column %s: ", table->name, column->name);
                return error;
            }
        }
    }
    return NULL;
}

// Determines which tables are roots. If none is declared as one, all are: the schema is older than
// "isRoot".
static void determine_roots(struct schema *schema)
{
    bool any = false;

    for (size_t i = 0; i < schema->n_tables; i++) {
        any |= schema->tables[i].is_root_declared;
    }
    for (size_t i = 0; i < schema->n_tables; i++) {
        schema->tables[i].is_root = !any || schema->tables[i].is_root_declared;
    }
}

// True if the references of the column decide whether rows exist.
static bool keeps_rows_alive(const struct base_type *base)
{
    assert(!base_type_is_strong_ref(base) || base->uuid.ref_table); // resolve_references() has run
    return base_type_is_strong_ref(base) && !base->uuid.ref_table->is_root;
}

// Determines the properties that depend on which tables are roots.
static void determine_column(struct column *column)
{
    const struct type *type = &column->type;

    column->is_persistent = !column->is_ephemeral_declared || keeps_rows_alive(&type->key) ||
                            keeps_rows_alive(&type->value);
    if (base_type_is_weak_ref(&type->key) || base_type_is_weak_ref(&type->value)) {
        column->is_mutable = true;
    }
}

// Rejects indexes on ephemeral columns, even on those that are persistent anyway: other servers
// reject such a schema, and must be able to read the files of this one.
static struct ovsdb_error *check_indexes(const struct table_schema *table)
{
    for (size_t i = 0; i < table->n_indexes; i++) {
        for (size_t j = 0; j < table->indexes[i].n_columns; j++) {
            const struct column *column = table->indexes[i].columns[j];

            if (!column->is_persistent || column->is_ephemeral_declared) {
                return error_new(ERROR_SYNTAX, "table %s: ephemeral column %s must not be indexed",
                                 table->name, column->name);
            }
        }
    }
    return NULL;
}

static struct ovsdb_error *determine_columns(struct schema *schema)
{
    for (size_t i = 0; i < schema->n_tables; i++) {
        struct table_schema *table = &schema->tables[i];
        struct ovsdb_error *error;

        for (size_t j = COLUMN_VERSION + 1; j < table->n_columns; j++) {
            determine_column(&table->columns[j]);
        }
        error = check_indexes(table);
        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *parse_schema(struct schema *schema, const json_t *json)
{
    const json_t *name, *version, *cksum, *tables;
    struct ovsdb_error *error;
    struct members members;

    members_begin(&members, json, "a <database-schema>");
    name = members_take(&members, "name", MEMBER_ID);
    version = members_take(&members, "version", MEMBER_STRING | MEMBER_OPTIONAL);
    cksum = members_take(&members, "cksum", MEMBER_STRING | MEMBER_OPTIONAL);
    tables = members_take(&members, "tables", MEMBER_OBJECT);
    error = members_end(&members);
    if (error) {
        return error;
    }
    schema->name = xstrdup(json_string_value(name));
    schema->version = xstrdup(version ? json_string_value(version) : "");
    schema->cksum = xstrdup(cksum ? json_string_value(cksum) : "");
    if (version && !version_is_valid(slice_of(schema->version))) {
        return error_json(json, "version \"%s\" does not look like 1.2.3", schema->version);
    }
    error = parse_tables(schema, json, tables);
    if (!error) {
        error = resolve_references(schema);
    }
    if (!error) {
        determine_roots(schema);
        error = determine_columns(schema);
    }
    return error;
}

struct ovsdb_error *schema_from_json(const json_t *json, struct schema **ret)
{
    _cleanup_schema_ struct schema *schema = NEW(struct schema);
    _cleanup_tree_ json_t *printed = NULL;
    _cleanup_buf_ struct buf text = {0};
    struct ovsdb_error *error;

    schema->refs = 1;
    error = parse_schema(schema, json);
    if (error) {
        return error;
    }
    printed = schema_to_json(schema);
    tree_put(&text, printed);
    schema->json = text_new(buf_slice(&text));
    *ret = TAKE_PTR(schema);
    return NULL;
}

struct ovsdb_error *schema_from_text(struct slice text, struct schema **ret)
{
    _cleanup_free_ char *message = NULL;
    _cleanup_tree_ json_t *json = tree_parse(text, &message);

    if (!json) {
        return error_new(ERROR_SYNTAX, "the schema is no JSON: %s", message);
    }
    return schema_from_json(json, ret);
}
