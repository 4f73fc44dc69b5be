// SPDX-License-Identifier: Apache-2.0
// A server in memory, with clients whose output is kept in a buffer until the test takes it, message
// by message.
#pragma once

#include "session/session.h"
#include "unit.h"
#include "json/framer.h"

#define RUNNER_CLIENTS 8
#define RUNNER_SLOW    ((size_t)2 << 20) // the backlog of a client that does not read

struct client {
    struct session *session;
    struct buf output;      // not taken yet
    size_t backlog;         // the result of sink.backlog()
    bool is_held;           // by sink.hold(): the client must not send
    char close_reason[200]; // of sink.close(); "": the session is open
    uint64_t last_ticket;   // the highest ticket of its output
};

struct script_runner {
    struct server *server;
    struct db *dbs[4];
    size_t n_dbs;
    struct client clients[RUNNER_CLIENTS]; // by letter: 'A' is the first
    usec_t now;
    uint64_t ticket; // the newest one issued
};

void runner_init(struct script_runner *runner);
void runner_done(struct script_runner *runner);
// Serves an empty database with the tests' schema under `name`.
void runner_add_db(struct script_runner *runner, const char *name);
void runner_remove_db(struct script_runner *runner, const char *name);
struct client *runner_open(struct script_runner *runner, char letter, bool read_only);
struct client *runner_open_with(struct script_runner *runner, char letter,
                                const struct session_options *options);
void runner_close(struct script_runner *runner, char letter);
void runner_send(struct script_runner *runner, char letter, const char *text);
// The next message to the client, in canonical form, or NULL. UUIDs are replaced by "?", but for those
// whose first eight digits are equal. Caller frees.
char *runner_take(struct script_runner *runner, char letter);
