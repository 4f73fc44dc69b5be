// SPDX-License-Identifier: Apache-2.0
// Clients that do not read what they are sent: found when output stays queued, forgotten when it
// has gone, and cut when what they make us keep is too much. That is the output queued, the text
// that others are sent too included, and the old versions of rows that their monitors hold to owe
// them the difference.
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

static void check(struct session *session)
{
    size_t queued = session->sink->backlog(session->userdata);
    size_t owed = session_owed(session);

    if (queued + owed <= session->server->limits.max_backlog) {
        return;
    }
    COUNT(slow_clients_cut);
    log_event(LOG_LEVEL_WARN, MSG_CLIENT_TOO_SLOW, LOG_FIELDS({"OVSDB_SESSION", session->name}),
              "%s: disconnected: it does not read, %zu bytes are queued for it and %zu kept to "
              "owe it updates",
              session->name, queued, owed);
    session_close(session, "too slow in reading");
}

void server_check_slow(struct server *server, usec_t now)
{
    struct session *session, *next;

    if (list_is_empty(&server->slow) || now < server->slow_check) {
        return;
    }
    server->slow_check = now + CHECK_INTERVAL;
    LIST_FOREACH_SAFE (session, next, &server->slow, slow_node) {
        check(session);
    }
}

usec_t server_slow_deadline(const struct server *server)
{
    return list_is_empty(&server->slow) ? USEC_INFINITY : server->slow_check;
}
