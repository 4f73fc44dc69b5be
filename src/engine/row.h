// SPDX-License-Identifier: Apache-2.0
// A version of a row. It is immutable once its transaction has committed (I-3), and
// reference-counted: the table refers to the current version; change sets refer to the versions
// that monitors, the history and snapshots still need.
#pragma once

#include "model/schema.h"

#include <assert.h>

struct row {
    uint32_t refs;
    const struct table_schema *table; // valid as long as the schema: holders of rows hold it too
    uint64_t seq;                     // of the commit that made this version; 0: loaded
    struct uuid uuid;
    uint64_t words[]; // the columns' values, at column->offset
};

// A writable row with the default in every column. The caller owns the only reference.
struct row *row_new(const struct table_schema *table, struct uuid uuid);
// A writable copy that shares the values. O(columns).
struct row *row_clone(const struct row *row);
// For row_unref() only.
void row_free(struct row *row);

static inline struct row *row_ref(struct row *row)
{
    assert(row->refs && row->refs < UINT32_MAX);
    row->refs++;
    return row;
}
static inline void row_unref(struct row *row)
{
    assert(!row || row->refs);
    if (row && !--row->refs) {
        row_free(row);
    }
}

// The _version of a row version, computed from its seq, its UUID and the version key. The key is
// the same for all databases of the process. It differs from run to run, so that the versions of
// different runs differ, unless a run continues the databases of another one and sets its key.
struct uuid row_version(const struct row *row);
uint64_t row_version_key(void);
// Sets the key, before any client has seen a row.
void row_set_version_key(uint64_t key);
// Sets a new key unless there is one. Threads other than the engine's may call it only then.
void row_init_version_key(uuid_source *new_uuid);

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

// Sets a column's value in a row that no committed state refers to (I-3), and releases the old
// value. Takes ownership of `datum`. Not for _uuid and _version.
void row_set(struct row *row, const struct column *column, union datum datum);

// True if both versions have the same value in every column but _uuid and _version.
bool row_equals(const struct row *a, const struct row *b);
// The approximate size of a version in bytes, without the values that it shares with `other` (NULL
// allowed).
size_t row_memory(const struct row *row, const struct row *other);
