// SPDX-License-Identifier: Apache-2.0
// Limits on what clients may use, and the options that set them: one table for the command line,
// --help and ovsdb-server/limits. The defaults are far above what a thousand hypervisors need.
#pragma once

#include "basic/failure.h"
#include "control/command.h"
#include "net/net.h"
#include "session/server.h"

#include <getopt.h>
#include <jansson.h>
#include <stddef.h>

struct limits {
    struct net_limits net;
    struct server_limits server;
};
#define LIMITS_DEFAULT ((struct limits){.net = NET_LIMITS_DEFAULT, .server = SERVER_LIMITS_DEFAULT})

// option, member, unit of its value, counter of refusals because of the limit, help
#define LIMITS(X)                                                                                  \
    X("max-sessions", net.max_connections, COUNT, "sessions_refused", "connections in total")      \
    X("max-remote-sessions", net.max_per_remote, COUNT, "remote_sessions_refused",                 \
      "connections of one remote")                                                                 \
    X("max-user-sessions", net.max_per_user, COUNT, "user_sessions_refused",                       \
      "connections of one local user or one address")                                              \
    X("max-accept-rate", net.max_accept_rate, RATE, "accepts_delayed",                             \
      "new connections per second; more are delayed")                                              \
    X("max-handshakes", net.max_handshakes, COUNT, "handshakes_cut",                               \
      "TLS handshakes in progress; one more ends the oldest")                                      \
    X("max-message", net.max_message, MESSAGE, "messages_too_long", "size of a message")           \
    X("max-backlog", server.max_backlog, SIZE, "slow_clients_cut",                                 \
      "output kept for a client that does not read")                                               \
    X("max-staged", server.max_staged, MESSAGE, "stages_refused",                                  \
      "pieces of transactions (\"stage\"), of all clients")                                        \
    X("max-monitors", server.max_monitors, COUNT, "monitors_refused", "monitors of a session")     \
    X("max-waits", server.max_triggers, COUNT, "waits_refused",                                    \
      "waiting transactions of a session")                                                         \
    X("max-locks", server.max_locks, COUNT, "locks_refused", "locks of a session")

// The rows as options for getopt_long().
#define LIMITS_OPTION 0x4000
#define LIMITS_LONG_OPTION(option_, member_, ...)                                                  \
    {option_, required_argument, NULL, LIMITS_OPTION + (int)offsetof(struct limits, member_)},
#define LIMITS_LONG_OPTIONS LIMITS(LIMITS_LONG_OPTION)

// Handles the option `c` of getopt_long(). Returns false if it is not one of these. Stores NULL in
// *ret_failure, or why the argument is refused.
bool client_limits_handle(struct limits *limits, int c, const char *argument,
                          struct failure **ret_failure);
void client_limits_help(void); // prints the options and their defaults
// The reply of "ovsdb-server/limits": for each limit its value, the largest current use (`taken`),
// and how often it was exceeded. The caller owns the reference.
json_t *client_limits_reply(const struct limits *limits, const struct limits *taken);
extern const struct command_field client_limits_fields[]; // of a record in the reply
void client_limits_print(const json_t *reply, struct buf *text);
