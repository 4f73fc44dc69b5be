// SPDX-License-Identifier: Apache-2.0
// Writes <table-updates> (RFC 7047 4.1.6) and <table-updates2> (protocol extensions 4.1.14): feed
// it row changes, table by table.
#pragma once

#include "monitor/chunks.h"
#include "monitor/spec.h"

struct updates {
    const struct monitor_spec *spec;
    struct buf *buf; // the part being written, the caller's
    struct chunks chunks;
    const struct monitor_table *open; // the table whose rows are being written
};

// `buf` must be empty and is left empty.
void updates_begin(struct updates *updates, const struct monitor_spec *spec, struct buf *buf);
// One row changed from `old` to `new`; NULL: it was or is not there. `is_initial`: `new` is part of
// the initial contents. Writes nothing if the monitor is not to hear of it. The condition of the
// table has been applied already.
void updates_row(struct updates *updates, const struct monitor_table *table, const struct row *old,
                 const struct row *new, bool is_initial);
// The same, with the condition: a row that begins to match is an insertion, one that ceases a
// deletion.
void updates_change(struct updates *updates, const struct monitor_table *table,
                    const struct row *old, const struct row *new);
// Text that is made once for several: writes a row of initial contents, and adds what was written
// instead of calling updates_row(). The table must select SELECT_INITIAL.
void updates_put_initial(struct buf *buf, enum monitor_version version,
                         const struct monitor_table *table, const struct row *row);
void updates_initial(struct updates *updates, const struct monitor_table *table, struct slice text);
// The finished object, "{}" included: the caller owns *ret. Returns false if it is empty.
bool updates_end(struct updates *updates, struct chunks *ret);
