// SPDX-License-Identifier: Apache-2.0
// A version of a row: immutable once its transaction has committed, reference-counted; the table
// points at the current one, monitors, history and snapshots at whichever they still need.
#pragma once

#include "model/schema.h"

struct row {
    uint32_t refs;
    const struct table_schema
        *table;   // valid while somebody holds the schema: every holder of rows does
    uint64_t seq; // of the commit that made this version; 0: loaded from a file
    struct uuid uuid;
    uint64_t words[]; // the columns' values, at column->offset
};

// A writable row with every column at its default. One reference, the caller's.
struct row *row_new(const struct table_schema *table, struct uuid uuid);
// A writable copy that shares the values. O(columns).
struct row *row_clone(const struct row *row);
void row_free(struct row *row);

static inline struct row *row_ref(struct row *row)
{
    row->refs++;
    return row;
}
static inline void row_unref(struct row *row)
{
    if (row && !--row->refs) {
        row_free(row);
    }
}

// The _version of a row version, computed from its seq, its UUID and the version key. The key is the
// same for all databases of the process. It differs from run to run, so that the versions of
// different runs differ, unless a run continues the databases of another one and sets its key.
struct uuid row_version(const struct row *row);
uint64_t row_version_key(void);
// Sets the key, before any client has seen a row.
void row_set_version_key(uint64_t key);
// The same, unless a key is set already.
void row_init_version_key(uint64_t key);

// A column's value, borrowed. Works for _uuid and _version as well.
static inline union datum row_get(const struct row *row, const struct column *column)
{
    union datum datum;

    if (UNLIKELY(column->index <= COLUMN_VERSION)) {
        datum.scalar.uuid = column->index == COLUMN_UUID ? row->uuid : row_version(row);
    } else if (column->n_words == 2) {
        memcpy(&datum, &row->words[column->offset], 16);
    } else {
        datum.scalar.uuid.lo = 0;
        memcpy(&datum, &row->words[column->offset], 8);
    }
    return datum;
}

// Replaces a column's value in a row being built; takes ownership of `datum`, releases the old one.
void row_set(struct row *row, const struct column *column, union datum datum);

// True if both versions of a row have the same values.
bool row_equals(const struct row *a, const struct row *b);
// Roughly the bytes a version takes: without the values it shares with `other`, if that is not
// NULL.
size_t row_memory(const struct row *row, const struct row *other);
