// SPDX-License-Identifier: Apache-2.0
// The commit log of a database: where its commits are recorded, and which of them are durable. The
// engine and the sessions cannot tell the implementations apart:
//
//     file    the store (store/store.h)
//     none    commits exist in memory only; a database has this log until db_set_log() is called
#pragma once

#include "basic/positions.h"

#include <stdbool.h>

struct changeset;
struct ovsdb_error;

struct commit_log {
    // Called for each commit after all its checks have passed and before the change is visible.
    // Sets changes->txn_id. On success returns NULL and sets *ret_position: outputs that show this
    // commit must be held back until this position is durable (I-6); 0: they need not wait for this
    // commit. An error ("I/O error") rejects the transaction, and the database is unchanged.
    struct ovsdb_error *(*append)(struct commit_log *log, struct changeset *changes, bool durable,
                                  uint64_t *ret_position);
    struct positions positions;
};
