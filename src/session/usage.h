// SPDX-License-Identifier: Apache-2.0
// The resources that clients and their monitors use, for management commands. The net layer counts
// the bytes of connections.
#pragma once

#include "monitor/monitor.h"
#include "session/session.h"

// Measures durations with `clock`, a monotonic clock. Without a clock they are 0. Call before there
// are sessions.
void server_set_clock(struct server *server, usec_t (*clock)(void));

// Iterates over the sessions in the order in which they began. NULL starts and ends the iteration.
struct session *server_next_session(const struct server *server, const struct session *session);
// The `userdata` of session_new().
void *session_userdata(const struct session *session);
const char *session_name(const struct session *session);
const char *session_client_id(const struct session *session); // or NULL

struct session_usage {
    const char *remote; // borrowed, or NULL; so is `role`
    const char *role;
    struct session_peer peer;
    bool read_only;
    usec_t since; // when the session began, by the server's clock
    uint64_t n_requests;
    uint64_t n_transactions; // finished ones, failed ones included
    size_t n_monitors;
    size_t n_waiting; // waiting transactions
    size_t n_locks;   // locks held
    size_t owed;      // about how many bytes are kept for updates that its monitors send later
    // Time spent on running waiting transactions again and on updates of monitors. The time for an
    // update is divided among the clients that get it. The time in session_receive() is not
    // included.
    usec_t busy;
};
void session_usage(const struct session *session, struct session_usage *ret); // O(monitors + locks)

struct session_monitor_usage {
    const char *database;
    struct slice id; // JSON
    const struct monitor_spec *spec;
    bool has_started;          // the initial contents have been sent
    bool is_behind;            // its client does not read
    size_t owed;               // about how many bytes are kept for updates sent later
    struct monitor_usage sent; // since the monitor began
};
// Calls visit() for each monitor of the session, in no order.
void session_visit_monitors(const struct session *session,
                            void (*visit)(const struct session_monitor_usage *usage,
                                          void *userdata),
                            void *userdata);
