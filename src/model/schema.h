// SPDX-License-Identifier: Apache-2.0
// Database, table and column schemas (RFC 7047 3.2). Immutable once parsed; reference-counted,
// because rows, monitors and history outlive a conversion.
#pragma once

#include "basic/htable.h"
#include "model/datum.h"
#include "model/id.h"

struct column {
    char *name;
    uint32_t name_size;
    struct type type;
    bool is_mutable;            // weak references always are: the server itself removes them
    bool is_persistent;         // false: ephemeral, never written to the file
    bool is_ephemeral_declared; // what the schema says; strong references to non-root tables
                                // persist anyway
    uint16_t index;             // in table_schema.columns
    uint16_t offset;            // of its value in a row, in 8-byte words (see engine/row.h)
    uint16_t n_words;           // 2 for a scalar uuid, else 1
};

// A set of columns whose values must be unique together.
struct index_schema {
    const struct column **columns; // in the order of the schema
    size_t n_columns;
};

struct table_schema {
    char *name;
    uint32_t name_size;
    struct column *columns; // [0] is _uuid, [1] is _version, the others follow sorted by name
    uint16_t n_columns;
    uint16_t n_words;      // of a row's values, _uuid and _version not among them
    uint16_t index;        // in schema.tables
    bool is_root;          // after the rule for schemas without any isRoot
    bool is_root_declared; // what the schema says
    uint32_t max_rows;     // UINT32_MAX: unlimited
    struct index_schema *indexes;
    size_t n_indexes;
    struct htable by_name; // of columns
};

struct schema {
    uint32_t refs;
    char *name;
    char *version;               // "" if absent
    char *cksum;                 // "" if absent
    struct table_schema *tables; // sorted by name
    uint16_t n_tables;
    struct text *json;     // its canonical text, as get_schema sends it
    struct htable by_name; // of tables
};

#define COLUMN_UUID    0
#define COLUMN_VERSION 1

// Parses and validates a <database-schema>: names, types, references, index columns, every rule
// of 3.2.
struct ovsdb_error *schema_from_json(const json_t *json, struct schema **ret);
struct ovsdb_error *schema_from_text(struct slice text, struct schema **ret);
json_t *schema_to_json(const struct schema *schema);
struct schema *schema_ref(struct schema *schema);
void schema_unref(struct schema *schema);
// True if both describe the same database: name, version, tables and columns; cksum is not
// compared.
bool schema_equals(const struct schema *a, const struct schema *b);
// True if they differ in anything that a client can see: what schema_equals() compares, or cksum.
bool schema_needs_conversion(const struct schema *present, const struct schema *wanted);

const struct table_schema *schema_find_table(const struct schema *schema, struct slice name);
// NULL if there is none. Finds _uuid and _version too. O(1).
const struct column *table_schema_find_column(const struct table_schema *table, struct slice name);

DEFINE_CLEANUP(struct schema *, schema_unrefp, schema_unref)
#define _cleanup_schema_ _cleanup_(schema_unrefp)
