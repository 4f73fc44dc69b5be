// SPDX-License-Identifier: Apache-2.0
// A server in memory, with clients whose output is kept in a buffer until the test takes it,
// message by message.
#pragma once

#include "session/forward.h"
#include "session/session.h"
#include "unit.h"
#include "json/framer.h"

#define RUNNER_CLIENTS 8
#define RUNNER_DBS     4
#define RUNNER_SENT    100
#define RUNNER_SLOW    ((size_t)2 << 20) // the backlog of a client that does not read

struct client {
    struct session *session;
    struct buf output;      // not taken yet
    size_t backlog;         // the result of sink.backlog()
    bool is_held;           // by sink.hold(): the client must not send
    char close_reason[200]; // of sink.close(); "": the session is open
    // The last position of each commit log for which its output waits.
    struct position waits[RUNNER_DBS];
};

struct script_runner {
    struct server *server;
    struct db *dbs[RUNNER_DBS];
    size_t n_dbs;
    struct client clients[RUNNER_CLIENTS]; // by letter: 'A' is the first
    usec_t now;
    // The source of the relay "shop", if runner_make_relay() has been called.
    struct client source;                   // without a session
    struct trigger *forwarded[RUNNER_SENT]; // by the id of the request; NULL: it has ended
    size_t n_forwarded;
};

void runner_init(struct script_runner *runner);
void runner_done(struct script_runner *runner);
// Serves an empty database with the tests' schema under `name`.
void runner_add_db(struct script_runner *runner, const char *name);
void runner_remove_db(struct script_runner *runner, const char *name);
// The last position of the commit log of a database becomes `value`.
void runner_set_position(struct script_runner *runner, const char *name, uint64_t value);
// The last position of this database for which output of the client waits; 0: none.
uint64_t runner_waits(const struct script_runner *runner, char letter, const char *name);
// Makes "shop" a relay, or ends that. What is forwarded to its source is the output of the client
// 'S': requests with the ids 0, 1, 2, ..., {"cancel":ID} and {"drop":ID}.
void runner_make_relay(struct script_runner *runner, bool is_relay);
// The source replies: {"id":ID,"result":...} or {"id":ID,"error":...}; {"id":ID}: the connection is
// lost.
void runner_reply(struct script_runner *runner, const char *text);
// `option`: "ro": the client may only read; "role": it has a role; else "".
struct client *runner_open(struct script_runner *runner, char letter, const char *option);
struct client *runner_open_with(struct script_runner *runner, char letter,
                                const struct session_options *options);
void runner_close(struct script_runner *runner, char letter);
void runner_send(struct script_runner *runner, char letter, const char *text);
// The next message to the client, in canonical form, or NULL. UUIDs are replaced by "?", but for
// those whose first eight digits are equal. Caller frees.
char *runner_take(struct script_runner *runner, char letter);
