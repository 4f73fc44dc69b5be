// SPDX-License-Identifier: Apache-2.0
// Checks a whole database against the values of its rows: a debug aid for tests and fuzzers.
#pragma once

#include "engine/db.h"

// Recomputes everything that commits maintain step by step: reference counts (I-4), weak
// referrers, indexes, row counts, memory, the end of the chain of change sets (I-5), the order of
// sets and maps (I-2); and checks every constraint. Returns NULL if the database is consistent,
// else a description of the first error (caller frees). Must not be called within a transaction.
// O(database).
char *db_check_structures(const struct db *db);

// Makes every database of the process call db_check_structures() after loading and after each
// commit, before observers see it, and abort the process on an error. A database of more than 256
// rows is checked only after every n-th commit, n being its number of rows divided by 256. Off by
// default; programs turn it on if the environment variable OVSDBD_CHECK_STRUCTURES is set.
void db_set_structure_checks(bool on);
// True if structure checks are on: other layers check their own structures at the same time.
bool db_structure_checks(void);
