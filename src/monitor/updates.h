// SPDX-License-Identifier: Apache-2.0
// Writes <table-updates> (RFC 7047 4.1.6) and <table-updates2> (protocol extensions 4.1.14). The
// caller adds row changes; all changes of one table must follow one another.
#pragma once

#include "monitor/chunks.h"
#include "monitor/spec.h"

struct updates {
    const struct monitor_spec *spec;
    struct buf *buf; // the part being written; belongs to the caller
    struct chunks chunks;
    const struct monitor_table *open; // the table whose rows are being written, or NULL
};

// `buf` must be empty; updates_end() leaves it empty.
void updates_begin(struct updates *updates, const struct monitor_spec *spec, struct buf *buf);
// Writes the change of one row from `old` to `new`. NULL: the monitor did not or does not show the
// row; the caller has applied the table's condition. `is_initial`: `new` is part of the initial
// contents. Writes nothing if the monitor does not select this kind of change or these columns.
void updates_row(struct updates *updates, const struct monitor_table *table, const struct row *old,
                 const struct row *new, bool is_initial);
// The same, but applies the condition: a row that begins to match is inserted, a row that no longer
// matches is deleted.
void updates_change(struct updates *updates, const struct monitor_table *table,
                    const struct row *old, const struct row *new);
// The two halves of updates_row() for initial contents, so that several monitors can share the text
// of a row: the first writes it to `buf`, the second adds it. The table must select SELECT_INITIAL.
void updates_put_initial(struct buf *buf, enum monitor_version version,
                         const struct monitor_table *table, const struct row *row);
void updates_initial(struct updates *updates, const struct monitor_table *table, struct slice text);
// Finishes the object. *ret gets the text, "{}" if there were no changes; the caller frees it.
// Returns false if there were none.
bool updates_end(struct updates *updates, struct chunks *ret);
