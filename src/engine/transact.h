// SPDX-License-Identifier: Apache-2.0
// The "transact" method (RFC 7047 4.1.3, 5.2): runs the operations of a request against a database.
#pragma once

#include "basic/clock.h"
#include "engine/db.h"

// A change that the role of the client does not allow.
struct denial {
    const char *database;
    const char *table;
    const char *column;  // NULL: the denial is not about a column
    const char *row;     // UUID; NULL: the denial is not about a row
    const char *details; // of the error that the client gets
};

struct transact_request {
    struct slice params; // validated: [<db-name>, <operation>*]; the name is not checked here
    usec_t elapsed;      // since the request was first run: decides "timed out"
    bool read_only;      // operations that modify fail with "not allowed"
    bool check_only;     // the operations run but are not committed, and the commit is not checked
    bool (*owns_lock)(void *userdata, struct slice lock); // for "assert"; NULL: owns none
    // Role-based access control (protocol extensions 4.1.3).
    const char *role;      // NULL: the client may make every change
    const char *client_id; // NULL: unknown
    void (*denied)(void *userdata, const struct denial *denial); // called for each; or NULL
    void *userdata;
};

enum transact_status {
    TRANSACT_DONE, // committed, or failed and nothing changed; the result has been written
    TRANSACT_WAIT, // a "wait" is not fulfilled; no result has been written and nothing changed
};

struct transact_result {
    // TRANSACT_DONE
    struct changeset *changes; // borrowed from the database's chain; NULL: nothing changed
    uint64_t position;         // of the commit log; 0: none
    bool failed;               // the result array contains an error
    // TRANSACT_WAIT
    usec_t timeout;                           // on the scale of `elapsed`; USEC_INFINITY: none
    const struct table_schema *const *tables; // a change in them may fulfil it; caller frees
    size_t n_tables;
};

// Runs the request and appends the result array (the value of "result") to `result`. If the request
// cannot be parsed at all, returns an error for the JSON-RPC member "error", and `result` is
// unchanged. A transaction is atomic: after an error at any step the database is unchanged.
// O(rows it touches), plus O(rows of the table) for each `where` without an index.
struct ovsdb_error *transact_run(struct db *db, const struct transact_request *request,
                                 struct buf *result, enum transact_status *ret_status,
                                 struct transact_result *ret);
