// SPDX-License-Identifier: Apache-2.0
// Slow clients: those that do not read their output. A session enters server->slow when much output
// is queued for it, and leaves the list when that has been sent. It is closed when it makes the
// server keep more than a limit: queued output, including text shared with other clients, and old
// row versions in the coalesced changes of its monitors.
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "session/internal.h"

LOG_MODULE(session);
COUNTER(slow_clients_cut, "Clients disconnected because they did not read");

#define CHECK_INTERVAL (100 * USEC_PER_MSEC)

bool session_is_slow(struct session *session)
{
    if (session->sink->backlog(session->userdata) <= SESSION_BACKLOG_HIGH) {
        return false;
    }
    if (list_is_empty(&session->slow_node) && !session->is_closing) {
        list_push_back(&session->server->slow, &session->slow_node);
    }
    return true;
}

static void session_check_backlog(struct session *session)
{
    size_t queued = session->sink->backlog(session->userdata);
    size_t owed = session_owed(session);

    if (queued + owed <= session->server->limits.max_backlog) {
        return;
    }
    COUNT(slow_clients_cut);
    log_event(LOG_LEVEL_WARN, MSG_CLIENT_TOO_SLOW, LOG_FIELDS({"OVSDB_SESSION", session->name}),
              "%s: disconnected: the client does not read; %zu bytes of output are queued, and %zu "
              "are kept for later updates",
              session->name, queued, owed);
    session_close(session, "the client does not read");
}

void server_check_slow(struct server *server, usec_t now)
{
    struct session *session, *next;

    if (list_is_empty(&server->slow) || now < server->slow_check) {
        return;
    }
    server->slow_check = now + CHECK_INTERVAL;
    LIST_FOREACH_SAFE (session, next, &server->slow, slow_node) {
        session_check_backlog(session);
    }
}

usec_t server_slow_deadline(const struct server *server)
{
    return list_is_empty(&server->slow) ? USEC_INFINITY : server->slow_check;
}
