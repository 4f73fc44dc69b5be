// SPDX-License-Identifier: Apache-2.0
// A change set describes what one commit changed. It is immutable. Store, monitors, history,
// replication and the _Server database learn of a transaction only by its change set. The change
// sets of a database form a chain in order of commit (I-5). Each holds a reference to the next one,
// so a reader that holds the change set at its position keeps all those that it has not read.
#pragma once

#include "basic/reclaim.h"
#include "engine/row.h"

struct row_change {
    struct row *old; // NULL: inserted
    struct row *new; // NULL: deleted
};

struct table_changes {
    const struct table_schema *table;
    struct row_change *rows;
    size_t n_rows;
};

struct changeset {
    uint32_t refs;
    uint64_t seq;       // 0: loaded; 1 for the first commit since then, and 1 more for each next
    struct uuid txn_id; // set by the commit log; random if there is no log or it writes no record
    struct schema *schema;
    char *comment;                // the comment operations' texts joined by LF, or NULL
    struct table_changes *tables; // only tables with changes, in schema order
    size_t n_tables;
    size_t memory;              // bytes that it keeps alive, approximately
    struct changeset *next;     // a reference; NULL at the end of the chain
    struct reclaim_item unused; // once there are no references
};

// Makes an empty change set with room for `n_tables` tables and `n_rows` rows in one allocation.
// The rows of the first table go to tables[0].rows; the caller sets `rows` of the following tables.
struct changeset *changeset_new(struct schema *schema, size_t n_tables, size_t n_rows);
struct changeset *changeset_ref(struct changeset *changes);
// Releasing the last reference frees only a small change set at once. A large one, and the rest of
// the chain, go to the reclaim queue (basic/reclaim.h). NULL allowed.
void changeset_unref(struct changeset *changes);
// The changes in one table, or NULL. O(log tables).
const struct table_changes *changeset_find_table(const struct changeset *changes,
                                                 const struct table_schema *table);
