// SPDX-License-Identifier: Apache-2.0
// The "transact" method (RFC 7047 4.1.3, 5.2): runs the operations of a request against a database.
#pragma once

#include "basic/clock.h"
#include "engine/db.h"

// A change that the client's role does not allow it.
struct denial {
    const char *database;
    const char *table;
    const char *column;  // NULL: it is not about one
    const char *row;     // UUID; NULL: likewise
    const char *details; // what the client is told: who, what and why
};

struct transact_request {
    struct slice
        params;     // validated: [<db-name>, <operation>*]; the name has been looked at already
    usec_t elapsed; // since the request was first run: decides "timed out"
    bool read_only; // operations that modify fail with "not allowed"
    bool (*owns_lock)(void *userdata, struct slice lock); // for "assert"; NULL: owns none
    // Role-based access control (protocol extensions 4.1.3).
    const char *role;      // NULL: none, the client may do everything
    const char *client_id; // NULL: not known
    void (*denied)(void *userdata, const struct denial *denial); // told of each; or NULL
    void *userdata;
};

enum transact_status {
    TRANSACT_DONE, // the result has been written: committed, or failed without a trace
    TRANSACT_WAIT, // a wait operation is not fulfilled; nothing written, nothing changed
};

struct transact_result {
    // TRANSACT_DONE
    struct changeset *changes; // borrowed from the database's chain; NULL: nothing changed
    uint64_t ticket;           // of the commit log, 0: none
    bool failed;               // the result array contains an error
    // TRANSACT_WAIT
    usec_t timeout; // on the scale of `elapsed`; USEC_INFINITY: none
    const struct table_schema *const
        *tables; // the tables whose change may fulfil it; caller frees the array
    size_t n_tables;
};

// Runs the request and writes the result array (the value of "result") to `result`. A request that
// cannot be parsed at all returns an error for the JSON-RPC "error" member, and `result` is
// unchanged. A transaction is atomic: an error at any step leaves no trace. Cost: the rows it
// touches, plus a scan for each `where` that no index answers.
struct ovsdb_error *transact_run(struct db *db, const struct transact_request *request,
                                 struct buf *result, enum transact_status *ret_status,
                                 struct transact_result *ret);
