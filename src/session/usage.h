// SPDX-License-Identifier: Apache-2.0
// What clients and their monitors use, for management commands. Nothing here is counted twice:
// bytes of connections are the net's.
#pragma once

#include "monitor/monitor.h"
#include "session/session.h"

// Durations are measured with `clock`, a monotonic clock; without one they are 0. Call before there
// are sessions.
void server_set_clock(struct server *server, usec_t (*clock)(void));

// The sessions in the order in which they began; NULL starts, NULL ends.
struct session *server_next_session(const struct server *server, const struct session *session);
// What session_new() was called with.
void *session_userdata(const struct session *session);
const char *session_name(const struct session *session);
const char *session_client_id(const struct session *session); // or NULL

struct session_usage {
    const char *remote; // borrowed, or NULL; so is `role`
    const char *role;
    struct session_peer peer;
    bool read_only;
    usec_t since; // by the server's clock
    uint64_t n_requests;
    uint64_t n_transactions; // done, those that failed included
    size_t n_monitors;
    size_t n_waiting; // transactions
    size_t n_locks;   // held
    size_t owed;      // bytes kept for updates that its monitors owe, about
    // Time for running its transactions again and for making its monitors' updates; an update that
    // several clients get is divided among them. Not the time in session_receive().
    usec_t busy;
};
void session_usage(const struct session *session, struct session_usage *ret); // O(monitors + locks)

struct session_monitor_usage {
    const char *database;
    struct slice id; // JSON
    const struct monitor_spec *spec;
    bool has_started;          // the initial contents have been sent
    bool is_behind;            // its client does not take output
    size_t owed;               // bytes kept for what it owes, about
    struct monitor_usage sent; // since it began
};
// Calls visit() for each monitor of the session, in no order.
void session_visit_monitors(const struct session *session,
                            void (*visit)(const struct session_monitor_usage *usage,
                                          void *userdata),
                            void *userdata);
