// SPDX-License-Identifier: Apache-2.0
// What the last records of a file changed, kept as change sets while they are loaded, so that the
// history of a database goes back to before the start. For this layer only.
#pragma once

#include "engine/db.h"

struct trail;

// The chain begins with the transaction that `db` stands at.
struct trail *trail_new(struct db *db, size_t max_changes);
void trail_free(struct trail *trail); // NULL allowed
// One row's change by the record being loaded; takes the references. `new` is marked until the
// record ends (trail_has_touched()).
void trail_add(struct trail *trail, struct row *old, struct row *new);
// True if the row was made by the record being loaded: it may be written to.
static inline bool trail_has_touched(const struct row *row)
{
    return row->seq != 0;
}
// The record is complete: appends its change set to the chain of `db`, and forgets the oldest ones
// when they are too many or take more than `max_memory`. O(rows changed + tables).
void trail_end_record(struct trail *trail, struct db *db, struct uuid txn_id, size_t max_memory);
// Where the chain begins; a reference, the caller's.
struct changeset *trail_take(struct trail *trail);
