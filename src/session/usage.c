// SPDX-License-Identifier: Apache-2.0
#include "session/usage.h"

#include "session/internal.h"

#include <assert.h>

usec_t server_clock(const struct server *server)
{
    return server->clock ? server->clock() : 0;
}

void server_set_clock(struct server *server, usec_t (*clock)(void))
{
    assert(!server->n_sessions);
    server->clock = clock;
    for (size_t i = 0; i < server->n_dbs; i++) {
        hub_set_clock(server->dbs[i]->hub, clock);
    }
}

struct session *server_next_session(const struct server *server, const struct session *session)
{
    const struct list *next = session ? session->node.next : server->sessions.next;

    return next == &server->sessions ? NULL : CONTAINER_OF(next, struct session, node);
}

void *session_userdata(const struct session *session)
{
    return session->userdata;
}

const char *session_name(const struct session *session)
{
    return session->name;
}

const char *session_client_id(const struct session *session)
{
    return session->client_id;
}

static void add_busy(const struct session_monitor_usage *usage, void *userdata)
{
    usec_t *busy = userdata;

    *busy += usage->sent.busy;
}

void session_usage(const struct session *session, struct session_usage *ret)
{
    *ret = (struct session_usage){
        .remote = session->remote,
        .role = session->role,
        .peer = session->peer,
        .read_only = session->read_only,
        .since = session->since,
        .n_requests = session->n_requests,
        .n_transactions = session->n_transactions,
        .n_monitors = session->monitors.n,
        .n_waiting = session->triggers.n,
        .n_locks = session_count_locks(session, LOCKS_HELD),
        .owed = session_owed(session),
        .busy = session->busy,
    };
    session_visit_monitors(session, add_busy, &ret->busy);
}
