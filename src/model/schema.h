// SPDX-License-Identifier: Apache-2.0
// Database, table and column schemas (RFC 7047 3.2). A schema is immutable once it is parsed. It is
// reference-counted, because rows, monitors and history still need it after a conversion.
#pragma once

#include "basic/htable.h"
#include "model/datum.h"
#include "model/id.h"

struct column {
    char *name;
    uint32_t name_size;
    struct type type;
    bool is_mutable;    // true for weak references, which the server removes
    bool is_persistent; // false if the column is not written to the file
    bool
        is_ephemeral_declared; // "ephemeral" in the schema. Strong references to tables that are no
                               // roots are persistent anyway
    uint16_t index;            // in table_schema.columns
    uint16_t offset;           // of the value in a row, in 8-byte words (see engine/row.h)
    uint16_t n_words;          // 2 for a scalar uuid, else 1
};

// Columns whose combined values must be unique in the table.
struct index_schema {
    const struct column **columns; // in the order of the schema
    size_t n_columns;
};

struct table_schema {
    char *name;
    uint32_t name_size;
    struct column *columns; // [0] is _uuid, [1] is _version, the others follow sorted by name
    uint16_t n_columns;
    uint16_t n_words;      // 8-byte words of the values in a row, without _uuid and _version
    uint16_t index;        // in schema.tables
    bool is_root;          // true for all tables if the schema declares no root
    bool is_root_declared; // "isRoot" in the schema
    uint32_t max_rows;     // UINT32_MAX if there is no limit
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
    struct text *json;     // the canonical text, which get_schema sends
    struct htable by_name; // of tables
};

#define COLUMN_UUID    0
#define COLUMN_VERSION 1

// Parse a <database-schema> and check all rules of RFC 7047 3.2: names, types, references, indexes.
struct ovsdb_error *schema_from_json(const json_t *json, struct schema **ret);
struct ovsdb_error *schema_from_text(struct slice text, struct schema **ret);
// The shortest JSON that every server of the protocol parses to the same schema. The caller owns
// it.
json_t *schema_to_json(const struct schema *schema);
// The same schema, all of whose columns are persistent. A new reference.
struct schema *schema_without_ephemeral(struct schema *schema);
struct schema *schema_ref(struct schema *schema);
void schema_unref(struct schema *schema);
// True if name, version, tables and columns are equal. Does not compare cksum.
bool schema_equals(const struct schema *a, const struct schema *b);
// True if the schemas differ in anything that a client can see: in what schema_equals() compares,
// or in cksum.
bool schema_needs_conversion(const struct schema *present, const struct schema *wanted);

// The table called `name`, NULL if there is none. O(1).
const struct table_schema *schema_find_table(const struct schema *schema, struct slice name);
// The column called `name`, which may be _uuid or _version. NULL if there is none. O(1).
const struct column *table_schema_find_column(const struct table_schema *table, struct slice name);

DEFINE_CLEANUP(struct schema *, schema_unrefp, schema_unref)
#define _cleanup_schema_ _cleanup_(schema_unrefp)
