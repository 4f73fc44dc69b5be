// SPDX-License-Identifier: Apache-2.0
// What the last records of a file changed, kept as change sets while they are loaded, so that the
// history of a database goes back to before the start. For this layer only.
#pragma once

#include "engine/db.h"

struct replayed_history;

// The chain begins with the transaction that `db` stands at.
struct replayed_history *replayed_history_new(struct db *db, size_t max_changes);
void replayed_history_free(struct replayed_history *replayed); // NULL allowed
// One row's change by the record being loaded; takes the references. `new` is marked until the
// record ends (replayed_history_has_touched()).
void replayed_history_add(struct replayed_history *replayed, struct row *old, struct row *new);
// True if the row was made by the record being loaded: it may be written to.
static inline bool replayed_history_has_touched(const struct row *row)
{
    return row->seq != 0;
}
// The record is complete: appends its change set to the chain of `db`, and forgets the oldest ones
// when they are too many or take more than `max_memory`. O(rows changed + tables).
void replayed_history_end_record(struct replayed_history *replayed, struct db *db,
                                 struct uuid txn_id, size_t max_memory);
// Where the chain begins; a reference, the caller's.
struct changeset *replayed_history_take(struct replayed_history *replayed);
