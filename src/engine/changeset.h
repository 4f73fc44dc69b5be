// SPDX-License-Identifier: Apache-2.0
// What one commit did, immutable: the only thing that store, monitors, history, replication and the
// _Server database see of a transaction. Change sets of a database form a chain in order of commit:
// each holds a reference to the next, so that whoever holds one (a monitor's position, the history)
// keeps exactly what it still has to see.
#pragma once

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
    uint64_t seq;       // 1 for a database's first commit since it was opened, then rising by 1
    struct uuid txn_id; // set by the commit log's append (random if it writes no record)
    struct schema *schema;
    char *comment;                // the comment operations' texts joined by LF, or NULL
    struct table_changes *tables; // only tables with changes, in schema order
    size_t n_tables;
    size_t memory;          // bytes it keeps alive, roughly
    struct changeset *next; // a reference, or NULL at the chain's end
    struct changeset *next_dead;
};

// An empty one with room for so many tables and rows, in one piece of memory: tables[0].rows is
// where the first table's rows go, the caller says where those of the next begin. For the commit.
struct changeset *changeset_new(struct schema *schema, size_t n_tables, size_t n_rows);
struct changeset *changeset_ref(struct changeset *changes);
// The last one to give it up frees little at once: a large one, and the chain that it held, are
// left to changesets_free_some(). NULL allowed.
void changeset_unref(struct changeset *changes);
// Frees about `n` rows of such. True: more are left. db_free() frees them all.
bool changesets_free_some(size_t n);
// The changes in one table, or NULL. O(log tables).
const struct table_changes *changeset_find_table(const struct changeset *changes,
                                                 const struct table_schema *table);
