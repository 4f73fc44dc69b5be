// SPDX-License-Identifier: Apache-2.0
// The specification of a monitor: its tables, columns, kinds of change and conditions (RFC 7047
// 4.1.5 <monitor-requests>; protocol extensions 4.1.12). Immutable once parsed.
#pragma once

#include "monitor/values.h"

// The method that created the monitor. It decides the format of updates.
enum monitor_version {
    MONITOR_V1, // "monitor", "update"
    MONITOR_V2, // "monitor_cond", "update2"
    MONITOR_V3, // "monitor_cond_since", "update3"
};

enum monitor_select {
    SELECT_INITIAL = 1 << 0,
    SELECT_INSERT = 1 << 1,
    SELECT_DELETE = 1 << 2,
    SELECT_MODIFY = 1 << 3,
    SELECT_ALL = SELECT_INITIAL | SELECT_INSERT | SELECT_DELETE | SELECT_MODIFY,
};

#define N_MONITOR_SELECTIONS 4
extern const struct monitor_selection {
    const char *name;
    uint8_t bit;
} monitor_selections[N_MONITOR_SELECTIONS]; // the members of "select"

struct monitor_column {
    const struct column *column;
    uint8_t select; // enum monitor_select: kinds of change that show this column
    uint16_t label_size;
    char *label; // the text "NAME": of updates, with the quotation marks and the colon
};

struct monitor_table {
    const struct table_schema *table;
    struct monitor_column *columns; // in the schema's order
    size_t n_columns;
    uint8_t select;             // kinds of change that any of its requests selects
    struct text *where;         // canonical JSON array of all clauses; "[]": every row
    struct condition condition; // `where`, decoded
    struct value_set *values;   // `condition` by hash if it lists many values, else NULL
};

struct monitor_spec {
    struct schema *schema; // a reference
    enum monitor_version version;
    struct monitor_table *tables; // in the schema's order
    size_t n_tables;
};

// Parses <monitor-requests>, an object, for `version`. If a member is repeated, the last counts.
struct ovsdb_error *monitor_spec_parse(struct schema *schema, enum monitor_version version,
                                       struct slice requests, struct monitor_spec **ret);
// Makes a copy of `spec` with the conditions of <monitor-cond-update-requests> (protocol extensions
// 4.1.13). Tables that are not named there, or have no request, keep their conditions.
struct ovsdb_error *monitor_spec_change(const struct monitor_spec *spec, struct slice requests,
                                        struct monitor_spec **ret);
// Parses the output of monitor_spec_put(). Unlike monitor_spec_parse(), accepts conditions in a
// MONITOR_V1 spec: "monitor_cond_change" can have set them.
struct ovsdb_error *monitor_spec_parse_saved(struct schema *schema, enum monitor_version version,
                                             struct slice requests, struct monitor_spec **ret);
// Writes <monitor-requests> from which monitor_spec_parse_saved() makes an equivalent spec.
void monitor_spec_put(struct buf *buf, const struct monitor_spec *spec);
void monitor_spec_free(struct monitor_spec *spec);
// True if monitors with these specs get the same updates and can share a view.
bool monitor_spec_equals(const struct monitor_spec *a, const struct monitor_spec *b);
uint64_t monitor_spec_hash(const struct monitor_spec *spec);
// True if the values that it shows survive a restart: neither its columns nor its conditions name
// an ephemeral column or _version.
bool monitor_spec_is_persistent(const struct monitor_spec *spec);
// True if the condition of the table holds for `row`.
static inline bool monitor_table_matches(const struct monitor_table *table, const struct row *row)
{
    return table->values
               ? value_set_matches(table->values, row)
               : !table->condition.n_clauses || condition_matches_any(&table->condition, row);
}

// The same; false if `row` is NULL.
static inline bool monitor_table_shows(const struct monitor_table *table, const struct row *row)
{
    return row && monitor_table_matches(table, row);
}

DEFINE_CLEANUP(struct monitor_spec *, monitor_spec_freep, monitor_spec_free)
#define _cleanup_monitor_spec_ _cleanup_(monitor_spec_freep)
