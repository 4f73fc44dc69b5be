// SPDX-License-Identifier: Apache-2.0
// What a database in memory has and its file does not: the values of ephemeral columns, which
// commit made each row (from which its _version follows), and the last transaction's id if no
// record has it. A process that goes on with the same file takes it over, as JSON text.
#pragma once

#include "engine/db.h"

// O(rows).
void db_put_volatile(struct db *db, struct buf *buf);
// Puts it back into a database that has been loaded from the same file, and not been changed since,
// before anybody has seen it. `json` is validated text. False if it is not of this database: it may
// have been put back in part then, and the last transaction has an id that nobody knows.
bool db_restore_volatile(struct db *db, struct slice json);
