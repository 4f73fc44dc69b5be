// SPDX-License-Identifier: Apache-2.0
// The transaction that replaces the contents of a server's database by those of another database,
// the wanted one. Each row of the server is handled by comparing it with the wanted row of the same
// UUID:
//
//     there is no wanted row                      delete
//     the immutable columns are equal             update
//     an immutable column differs                 delete, and insert with a new UUID
//
// (The transaction that deletes a UUID cannot insert it again.) Wanted rows that the server does
// not have are inserted with their UUID or, if the server does not support that, with a new one.
// References to rows with a new UUID are adapted. "wait" operations fail the transaction if the
// server's rows have changed since they were noted.
#pragma once

#include "engine/db.h"

struct restore_request {
    struct db *wanted;
    bool knows_uuid;        // the server supports "uuid" in "insert"
    struct htable present;  // wanted rows that are updated, by address
    struct htable replaced; // wanted rows whose UUID cannot be kept, by address
    struct buf params;      // written so far
};

// `wanted`, whose schema must be that of the server's database, must outlive it.
void restore_request_init(struct restore_request *request, struct db *wanted, bool knows_uuid);
void restore_request_done(struct restore_request *request);
// The columns that restore_request_note() needs: _uuid and the immutable ones. Returns their
// number; `ret` must have room for all columns of the table.
size_t restore_request_columns(const struct table_schema *table, const struct column **ret);
// Notes the server's rows of a table, a JSON array of the reply. Call it for every table.
struct ovsdb_error *restore_request_note(struct restore_request *request,
                                         const struct table_schema *table, struct slice rows);
// Ends the request. Returns the params for "transact", valid until restore_request_done().
// *ret_n_renamed is the number of rows that get a new UUID.
struct slice restore_request_end(struct restore_request *request, size_t *ret_n_renamed);
