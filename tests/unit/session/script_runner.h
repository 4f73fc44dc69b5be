// SPDX-License-Identifier: Apache-2.0
// A server in memory with clients that are buffers: what a client is sent is cut into messages and
// kept until the test takes it.
#pragma once

#include "session/session.h"
#include "unit.h"
#include "json/framer.h"

#define PLAYER_CLIENTS 8
#define PLAYER_SLOW    ((size_t)2 << 20) // the backlog of a client that does not read

struct client {
    struct session *session;
    struct buf output;      // not yet taken
    size_t backlog;         // what the sink reports
    bool is_held;           // by the sink: sends nothing
    char close_reason[200]; // set by the sink
    uint64_t last_ticket;   // of the last output
};

struct script_runner {
    struct server *server;
    struct db *dbs[4];
    size_t n_dbs;
    struct client clients[PLAYER_CLIENTS]; // by letter: 'A' is the first
    usec_t now;
    uint64_t ticket; // the newest issued
};

void runner_init(struct script_runner *runner);
void runner_done(struct script_runner *runner);
// Serves an empty database with the tests' schema under `name`.
void runner_add_db(struct script_runner *runner, const char *name);
void runner_remove_db(struct script_runner *runner, const char *name);
struct client *runner_open(struct script_runner *runner, char letter, bool read_only);
void runner_close(struct script_runner *runner, char letter);
void runner_send(struct script_runner *runner, char letter, const char *text);
// The next message the client was sent, canonical, with every UUID that is not all one digit in its
// first eight replaced; NULL: none. Caller frees.
char *runner_take(struct script_runner *runner, char letter);
