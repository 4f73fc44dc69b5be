// SPDX-License-Identifier: Apache-2.0
// The contents of a clustered database as a schema and transactions: what a program has to apply to
// get the database after the last entry of a log.
#pragma once

#include "cluster/member_log.h"

struct contents_transaction {
    uint64_t index;    // of the entry, or of the snapshot
    struct slice text; // a JSON object in the form of a record of a standalone file; not {}
};

struct contents {
    struct slice schema; // of the last entry that has one, or of the snapshot
    uint64_t schema_index;
    struct contents_transaction *transactions; // from there on
    size_t n_transactions;
};

// The texts point into `log`, which must be that of a member (asserted). O(entries).
void contents_init(struct contents *contents, const struct member_log *log);
void contents_done(struct contents *contents);
