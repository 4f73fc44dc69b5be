// SPDX-License-Identifier: Apache-2.0
// server_check_structures(): the invariants that hold between a server and its sessions whenever no
// function of this folder is running.
#include "session/internal.h"

#include <assert.h>

static void check_session(const struct server *server, const struct session *session)
{
    assert(session->server == server);
    if (session->is_closing) {
        assert(!session->monitors.n && !session->triggers.n && !session->locks.n);
        assert(!session->starting && !session->staged);
        assert(list_is_empty(&session->slow_node));
    }
    session_check_monitors(session);
    session_check_triggers(session);
}

static void check_databases(const struct server *server)
{
    const struct served_db *last = NULL;
    bool has_own = false;

    for (size_t i = 0; i < server->n_dbs; i++) {
        const struct served_db *sdb = server->dbs[i];

        assert(sdb->server == server);
        assert(!last || strcmp(db_schema(last->db)->name, db_schema(sdb->db)->name) < 0);
        assert(sdb->is_own == (sdb == server->server_db));
        has_own |= sdb->is_own;
        hub_check_structures(sdb->hub);
        last = sdb;
    }
    assert(has_own);
}

void server_check_structures(const struct server *server)
{
    size_t n_sessions = 0, n_monitors = 0, n_triggers = 0;
    const struct session *session;

    assert(!server->author);
    check_databases(server);
    server_check_locks(server);
    LIST_FOREACH (session, &server->sessions, node) {
        check_session(server, session);
        n_sessions++;
        n_monitors += session->monitors.n;
        n_triggers += session->triggers.n;
    }
    assert(n_sessions == server->n_sessions);
    assert(n_monitors == server->n_monitors);
    assert(n_triggers == server->n_triggers);
}
