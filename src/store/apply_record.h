// SPDX-License-Identifier: Apache-2.0
// Applies a record to a database that is served: an entry of a cluster's log, which another member
// has executed.
#pragma once

#include "engine/db.h"

// Applies `record`, a valid JSON object in the form of encode.h, as one durable transaction with
// the comment of the record. All constraints are checked. An error changes nothing. A record that
// has no effect commits nothing: the log of `db` does not see it. O(size of the record and of the
// rows that it changes).
struct ovsdb_error *record_apply(struct db *db, struct slice record);
