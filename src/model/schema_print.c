// SPDX-License-Identifier: Apache-2.0
// Prints schemas in the shortest form: members with their default values are left out.
#include "model/schema.h"

static json_t *column_to_json(const struct column *column)
{
    json_t *json = json_object();

    json_object_set_new(json, "type", type_to_json(&column->type));
    if (column->is_ephemeral_declared) {
        json_object_set_new(json, "ephemeral", json_true());
    }
    if (!column->is_mutable) {
        json_object_set_new(json, "mutable", json_false());
    }
    return json;
}

static json_t *index_to_json(const struct index_schema *index)
{
    json_t *json = json_array();

    for (size_t i = 0; i < index->n_columns; i++) {
        json_array_append_new(json, json_string(index->columns[i]->name));
    }
    return json;
}

static json_t *table_to_json(const struct table_schema *table, bool print_root)
{
    json_t *json = json_object(), *columns = json_object();

    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        json_object_set_new(columns, table->columns[i].name, column_to_json(&table->columns[i]));
    }
    json_object_set_new(json, "columns", columns);
    if (print_root && table->is_root) {
        json_object_set_new(json, "isRoot", json_true());
    }
    if (table->max_rows != UINT32_MAX) {
        json_object_set_new(json, "maxRows", json_integer(table->max_rows));
    }
    if (table->n_indexes) {
        json_t *indexes = json_array();

        for (size_t i = 0; i < table->n_indexes; i++) {
            json_array_append_new(indexes, index_to_json(&table->indexes[i]));
        }
        json_object_set_new(json, "indexes", indexes);
    }
    return json;
}

json_t *schema_to_json(const struct schema *schema)
{
    json_t *json = json_object(), *tables = json_object();
    bool all_roots = true; // then "isRoot" is not printed: its absence means the same

    for (size_t i = 0; i < schema->n_tables; i++) {
        all_roots &= schema->tables[i].is_root;
    }
    for (size_t i = 0; i < schema->n_tables; i++) {
        const struct table_schema *table = &schema->tables[i];

        json_object_set_new(tables, table->name, table_to_json(table, !all_roots));
    }
    json_object_set_new(json, "name", json_string(schema->name));
    if (schema->version[0]) {
        json_object_set_new(json, "version", json_string(schema->version));
    }
    if (schema->cksum[0]) {
        json_object_set_new(json, "cksum", json_string(schema->cksum));
    }
    json_object_set_new(json, "tables", tables);
    return json;
}

struct schema *schema_without_ephemeral(struct schema *schema)
{
    json_t *json, *table, *column;
    const char *table_name, *name;
    struct ovsdb_error *error;
    struct schema *persistent;

    json = schema_to_json(schema);
    json_object_foreach(json_object_get(json, "tables"), table_name, table)
    {
        json_object_foreach(json_object_get(table, "columns"), name, column)
        {
            json_object_del(column, "ephemeral");
        }
    }
    error = schema_from_json(json, &persistent);
    assert(!error); // every type of an ephemeral column is allowed for a persistent one
    json_decref(json);
    return persistent;
}
