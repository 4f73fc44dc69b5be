// SPDX-License-Identifier: Apache-2.0
// The contents of a clustered database as a schema and transactions: what a program has to apply to
// get the database after the last entry of a log.
#pragma once

#include "cluster/member_log.h"

struct contents_transaction {
    uint64_t index;    // of the entry, or of the snapshot
    struct uuid eid;   // its transaction id
    struct slice text; // a JSON object in the form of a record of a standalone file; not {}
};

struct contents {
    struct slice schema; // of the last entry that has one, or of the snapshot
    uint64_t schema_index;
    struct uuid schema_eid;                    // the transaction id of that entry
    struct contents_transaction *transactions; // from there on
    size_t n_transactions;
};

// The texts point into `log`, which must be that of a member (asserted). O(entries).
void contents_init(struct contents *contents, const struct member_log *log);
// The same for the entries up to `index` only, which must be in the log or that of its snapshot.
void contents_init_to(struct contents *contents, const struct member_log *log, uint64_t index);
void contents_done(struct contents *contents);
