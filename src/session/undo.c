// SPDX-License-Identifier: Apache-2.0
// server_undo(): a cluster's leader shows its sessions transactions before a majority has stored
// them. Their output waits for that (I-6), but monitors continue from what has been queued, so
// they cannot go on when such transactions are withdrawn.
#include "engine/undo.h"
#include "session/internal.h"

#include <assert.h>

void server_undo(struct server *server, struct db *db, struct changeset *last)
{
    const struct served_db *sdb = server_find(server, slice_of(db_schema(db)->name));
    struct session *session;

    assert(sdb && sdb->db == db && !sdb->is_own);
    assert(!server->author && !sdb->conversion);
    if (!last->next) {
        return;
    }
    LIST_FOREACH (session, &server->sessions, node) {
        if (session_monitors(session, sdb)) {
            session_close(session, "transactions that it may have seen were withdrawn");
        }
    }
    db_undo(db, last);
}
