// SPDX-License-Identifier: Apache-2.0
// Limits of what a session may hold. A request that exceeds a limit gets an error and is logged,
// because a correct client stays far below the limits.
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "session/internal.h"

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

static struct ovsdb_error *refuse_beyond_limit(const struct session *session, const char *what,
                                               size_t limit)
{
    static struct log_limit rate = LOG_LIMIT_INIT(60, 20);

    log_event_limited(&rate, LOG_LEVEL_WARN, MSG_CLIENT_AT_LIMIT,
                      LOG_FIELDS({"OVSDB_SESSION", session->name}),
                      "%s: a session may have at most %zu %s", session->name, limit, what);
    return error_new(ERROR_RESOURCES, "a session may have at most %zu %s", limit, what);
}

struct ovsdb_error *session_check_limit(const struct session *session, enum limited what)
{
    const struct server_limits *limits = &session->server->limits;

    switch (what) {
    case LIMITED_MONITORS:
        if (session->monitors.n >= limits->max_monitors) {
            COUNT(monitors_refused);
            return refuse_beyond_limit(session, "monitors", limits->max_monitors);
        }
        break;
    case LIMITED_TRIGGERS:
        if (session->triggers.n >= limits->max_triggers) {
            COUNT(waits_refused);
            return refuse_beyond_limit(session, "waiting transactions", limits->max_triggers);
        }
        break;
    case LIMITED_LOCKS:
        if (session->locks.n >= limits->max_locks) {
            COUNT(locks_refused);
            return refuse_beyond_limit(session, "locks", limits->max_locks);
        }
        break;
    }
    return NULL;
}
