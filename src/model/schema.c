// SPDX-License-Identifier: Apache-2.0
// Schemas in memory: finding, comparing, sharing. schema_parse.c parses schemas, schema_print.c
// prints them.
#include "model/schema.h"

#include <assert.h>

struct schema *schema_ref(struct schema *schema)
{
    assert(schema->refs);
    schema->refs++;
    return schema;
}

static void column_done(struct column *column)
{
    free(column->name);
    type_done(&column->type);
}

static void table_schema_done(struct table_schema *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        column_done(&table->columns[i]);
    }
    for (size_t i = 0; i < table->n_indexes; i++) {
        free(table->indexes[i].columns);
    }
    htable_done(&table->by_name);
    free(table->indexes);
    free(table->columns);
    free(table->name);
}

void schema_unref(struct schema *schema)
{
    if (!schema) {
        return;
    }
    assert(schema->refs);
    if (--schema->refs) {
        return;
    }
    for (size_t i = 0; i < schema->n_tables; i++) {
        table_schema_done(&schema->tables[i]);
    }
    htable_done(&schema->by_name);
    free(schema->tables);
    text_unref(schema->json);
    free(schema->name);
    free(schema->version);
    free(schema->cksum);
    free(schema);
}

static bool name_is(const char *name, uint32_t name_size, struct slice s)
{
    return name_size == s.size && !memcmp(name, s.data, s.size);
}

const struct table_schema *schema_find_table(const struct schema *schema, struct slice name)
{
    const struct table_schema *table;

    if (!name.size) {
        return NULL;
    }
    HTABLE_FOREACH_WITH_HASH(table, &schema->by_name, hash_name(name.data, name.size))
    {
        if (name_is(table->name, table->name_size, name)) {
            return table;
        }
    }
    return NULL;
}

const struct column *table_schema_find_column(const struct table_schema *table, struct slice name)
{
    const struct column *column;

    if (!name.size) {
        return NULL;
    }
    HTABLE_FOREACH_WITH_HASH(column, &table->by_name, hash_name(name.data, name.size))
    {
        if (name_is(column->name, column->name_size, name)) {
            return column;
        }
    }
    return NULL;
}

static bool string_equals(const char *a, const char *b)
{
    return !strcmp(a, b);
}

// Two types are equal if they print as the same JSON.
static bool types_equal(const struct type *a, const struct type *b)
{
    json_t *a_json = type_to_json(a), *b_json = type_to_json(b);
    bool equal = json_equal(a_json, b_json);

    json_decref(a_json);
    json_decref(b_json);
    return equal;
}

static bool columns_equal(const struct column *a, const struct column *b)
{
    return string_equals(a->name, b->name) && a->is_mutable == b->is_mutable &&
           a->is_persistent == b->is_persistent && types_equal(&a->type, &b->type);
}

static bool indexes_equal(const struct index_schema *a, const struct index_schema *b)
{
    if (a->n_columns != b->n_columns) {
        return false;
    }
    for (size_t i = 0; i < a->n_columns; i++) {
        if (a->columns[i]->index != b->columns[i]->index) {
            return false;
        }
    }
    return true;
}

static bool tables_equal(const struct table_schema *a, const struct table_schema *b)
{
    if (!string_equals(a->name, b->name) || a->n_columns != b->n_columns ||
        a->n_indexes != b->n_indexes || a->is_root != b->is_root || a->max_rows != b->max_rows) {
        return false;
    }
    for (size_t i = 0; i < a->n_columns; i++) {
        if (!columns_equal(&a->columns[i], &b->columns[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < a->n_indexes; i++) {
        if (!indexes_equal(&a->indexes[i], &b->indexes[i])) {
            return false;
        }
    }
    return true;
}

bool schema_equals(const struct schema *a, const struct schema *b)
{
    if (!string_equals(a->name, b->name) || !string_equals(a->version, b->version) ||
        a->n_tables != b->n_tables) {
        return false;
    }
    for (size_t i = 0; i < a->n_tables; i++) {
        if (!tables_equal(&a->tables[i], &b->tables[i])) {
            return false;
        }
    }
    return true;
}

bool schema_needs_conversion(const struct schema *present, const struct schema *wanted)
{
    return !schema_equals(present, wanted) || !string_equals(present->cksum, wanted->cksum);
}
