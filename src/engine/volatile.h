// SPDX-License-Identifier: Apache-2.0
// The volatile state of a database is what its file does not contain: the values of ephemeral
// columns, the seq of each row version, from which its _version follows, and the id of the last
// transaction. A process hands it as JSON text to the next process that opens the same file.
#pragma once

#include "engine/db.h"

// Writes the volatile state. O(rows).
void db_put_volatile(struct db *db, struct buf *buf);
// Restores the volatile state of a database that was loaded from the same file and has not been
// changed since. Must be called before any monitor or client has read it. `json` is validated text.
// Returns false if the text does not fit the database: then a part may have been restored, and the
// last transaction gets a new id, so that no client can continue from it.
bool db_restore_volatile(struct db *db, struct slice json);
