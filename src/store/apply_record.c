// SPDX-License-Identifier: Apache-2.0
#include "store/apply_record.h"

#include "engine/txn.h"
#include "store/encode.h"

struct ovsdb_error *record_apply(struct db *db, struct slice record)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct txn *txn = txn_new(db);
    struct changeset *changes;
    struct ovsdb_error *error;
    struct record_info info;
    uint64_t position;

    error = decode_record_in(txn, db, record, &scratch, &info);
    if (!error) {
        if (info.comment.size) {
            txn_add_comment(txn, info.comment);
        }
        error = txn_commit(txn, true, &changes, &position);
    }
    txn_free(txn);
    return error;
}
