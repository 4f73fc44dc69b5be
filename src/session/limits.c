// SPDX-License-Identifier: Apache-2.0
// Limits of what a session may hold. A request that would exceed a limit gets an error reply, and
// the refusal is logged: correct clients stay far below the limits.
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "session/internal.h"
#include "session/reply.h"

#include <assert.h>

LOG_MODULE(session);
COUNTER(monitors_refused, "Monitors refused because their session had too many");
COUNTER(waits_refused, "Transactions refused because too many of their session waited");
COUNTER(locks_refused, "Locks refused because their session had too many");

void server_set_limits(struct server *server, const struct server_limits *limits)
{
    server->limits = *limits;
}

void server_taken(const struct server *server, struct server_limits *ret)
{
    const struct session *session;

    *ret = (struct server_limits){.max_staged = server->n_staged};
    LIST_FOREACH (session, &server->sessions, node) {
        ret->max_monitors = MAX(ret->max_monitors, session->monitors.n);
        ret->max_triggers = MAX(ret->max_triggers, session->triggers.n);
        ret->max_locks = MAX(ret->max_locks, session->locks.n);
        ret->max_backlog = MAX(ret->max_backlog,
                               session->sink->backlog(session->userdata) + session_owed(session));
    }
}

void session_refuse_resources(struct session *session, struct slice id, struct ovsdb_error *error)
{
    static struct log_limit rate = LOG_LIMIT_INIT(60, 20);

    assert(error->details);
    log_event_limited(&rate, LOG_LEVEL_WARN, MSG_CLIENT_AT_LIMIT,
                      LOG_FIELDS({"OVSDB_SESSION", session->name}), "%s: %s", session->name,
                      error->details);
    session_reply_error(session, id, error);
}

static bool refuse_beyond(struct session *session, struct slice id, const char *what, size_t limit)
{
    session_refuse_resources(
        session, id, error_new(ERROR_RESOURCES, "a session may have at most %zu %s", limit, what));
    return true;
}

bool session_refuse_beyond_limit(struct session *session, struct slice id, enum limited what)
{
    const struct server_limits *limits = &session->server->limits;

    switch (what) {
    case LIMITED_MONITORS:
        if (session->monitors.n >= limits->max_monitors) {
            COUNT(monitors_refused);
            return refuse_beyond(session, id, "monitors", limits->max_monitors);
        }
        break;
    case LIMITED_TRIGGERS:
        if (session->triggers.n >= limits->max_triggers) {
            COUNT(waits_refused);
            return refuse_beyond(session, id, "waiting transactions", limits->max_triggers);
        }
        break;
    case LIMITED_LOCKS:
        if (session->locks.n >= limits->max_locks) {
            COUNT(locks_refused);
            return refuse_beyond(session, id, "locks", limits->max_locks);
        }
        break;
    }
    return false;
}
