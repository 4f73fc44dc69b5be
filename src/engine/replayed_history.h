// SPDX-License-Identifier: Apache-2.0
// The replayed history: the changes of the last records of a file, kept as change sets while the
// file is loaded. The history of the database then begins before the start of the process. For this
// layer only.
#pragma once

#include "engine/db.h"

struct replayed_history;

// The replayed history begins after the last transaction of `db`.
struct replayed_history *replayed_history_new(struct db *db, size_t max_changes);
void replayed_history_free(struct replayed_history *replayed); // NULL allowed
// Adds a row's change by the record being loaded. Takes both references. Marks `new` until the end
// of the record, see replayed_history_has_touched().
void replayed_history_add(struct replayed_history *replayed, struct row *old, struct row *new);
// True if the record being loaded has made this version: it may be written to (I-3).
static inline bool replayed_history_has_touched(const struct row *row)
{
    return row->seq != 0;
}
// Ends a record: appends its change set to the chain of `db`, and drops the oldest change sets if
// there are too many or if they take more than `max_memory`. O(rows changed + tables).
void replayed_history_end_record(struct replayed_history *replayed, struct db *db,
                                 struct uuid txn_id, size_t max_memory);
// Returns the change set before the first one kept. The reference becomes the caller's.
struct changeset *replayed_history_take(struct replayed_history *replayed);
