// SPDX-License-Identifier: Apache-2.0
// The transaction by which a server's database gets the contents of another one. For each row of
// the server it is decided what becomes of it:
//
//     not wanted                                    delete
//     wanted, its immutable columns are as wanted   update
//     wanted with other immutable columns           delete, and insert under a new UUID
//
// (A UUID cannot be used again by the transaction that deletes it.) Wanted rows that the server
// does not have are inserted with their UUID or, where the server does not know how, under a new
// one; references follow. "wait" operations fail the transaction if the server's rows are no longer
// those that it was made for.
#pragma once

#include "engine/db.h"

struct restore_request {
    struct db *wanted;
    bool knows_uuid;        // the server takes insert's "uuid"
    struct htable present;  // wanted rows that the server has; by address
    struct htable replaced; // wanted rows whose UUID cannot be kept; by address
    struct buf params;      // being written
};

// `wanted`, whose schema must be that of the server's database, must outlive it.
void restore_request_init(struct restore_request *request, struct db *wanted, bool knows_uuid);
void restore_request_done(struct restore_request *request);
// The columns that restore_request_note() has to see: _uuid and the immutable ones. Returns how
// many; `ret` has room for all the table's.
size_t restore_request_columns(const struct table_schema *table, const struct column **ret);
// Takes note of the rows of a table of the server, a JSON array as it came. To be called for every
// table.
struct ovsdb_error *restore_request_note(struct restore_request *request,
                                         const struct table_schema *table, struct slice rows);
// Ends it. The params for "transact": valid until it is done. *ret_n_renamed: rows that get a new
// UUID.
struct slice restore_request_end(struct restore_request *request, size_t *ret_n_renamed);
