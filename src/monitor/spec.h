// SPDX-License-Identifier: Apache-2.0
// What a monitor asks for: tables, columns, kinds of change, conditions (RFC 7047 4.1.5
// <monitor-requests>; protocol extensions 4.1.12). Immutable once parsed.
#pragma once

#include "monitor/values.h"

// The method that made the monitor decides how updates look.
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
} monitor_selections[N_MONITOR_SELECTIONS]; // as "select" has them

struct monitor_column {
    const struct column *column;
    uint8_t select; // enum monitor_select: the changes that show this column
    uint16_t label_size;
    char *label; // "NAME": as it stands in an update
};

struct monitor_table {
    const struct table_schema *table;
    struct monitor_column *columns; // in the schema's order
    size_t n_columns;
    uint8_t select;             // what any of its requests selects; 0: nothing is ever shown
    struct text *where;         // canonical JSON array of all clauses; "[]": every row
    struct condition condition; // the same, decoded
    struct value_set *values;   // the same by hash if it lists many values, else NULL
};

struct monitor_spec {
    struct schema *schema; // a reference
    enum monitor_version version;
    struct monitor_table *tables; // in the schema's order
    size_t n_tables;
};

// Parses <monitor-requests>, an object, for `version`. The last of repeated names wins.
struct ovsdb_error *monitor_spec_parse(struct schema *schema, enum monitor_version version,
                                       struct slice requests, struct monitor_spec **ret);
// The same monitor with the conditions of <monitor-cond-update-requests> (protocol extensions
// 4.1.13); tables not named there, or with no request, keep theirs. `spec` is unchanged.
struct ovsdb_error *monitor_spec_change(const struct monitor_spec *spec, struct slice requests,
                                        struct monitor_spec **ret);
// Parses what monitor_spec_put() wrote: there a "monitor" may have conditions, which
// "monitor_cond_change" gave it.
struct ovsdb_error *monitor_spec_parse_saved(struct schema *schema, enum monitor_version version,
                                             struct slice requests, struct monitor_spec **ret);
// Writes <monitor-requests> from which monitor_spec_parse_saved() makes a spec that shows the same.
void monitor_spec_put(struct buf *buf, const struct monitor_spec *spec);
void monitor_spec_free(struct monitor_spec *spec);
// True if both show the same of every commit.
bool monitor_spec_equals(const struct monitor_spec *a, const struct monitor_spec *b);
uint64_t monitor_spec_hash(const struct monitor_spec *spec);
// True if what it shows survives a restart: no ephemeral column and no _version is monitored, or
// asked for by a condition.
bool monitor_spec_is_persistent(const struct monitor_spec *spec);
// True if the condition of the table holds for `row`.
static inline bool monitor_table_matches(const struct monitor_table *table, const struct row *row)
{
    return table->values
               ? value_set_matches(table->values, row)
               : !table->condition.n_clauses || condition_matches_any(&table->condition, row);
}

DEFINE_CLEANUP(struct monitor_spec *, monitor_spec_freep, monitor_spec_free)
#define _cleanup_monitor_spec_ _cleanup_(monitor_spec_freep)
