// SPDX-License-Identifier: Apache-2.0
// A loop with a net whose handler records its calls, and raw client sockets.
#pragma once

#include "net/connector.h"
#include "net/internal.h"
#include "net/listener.h"
#include "unit.h"

#define FIXTURE_MAX_PEERS 4096
#define FIXTURE_TIMEOUT   (20 * USEC_PER_SEC)

// What the handler has recorded about one connection.
struct peer {
    struct connection *connection; // NULL: closed
    struct remote *remote;
    struct buf messages; // each followed by a LF
    unsigned n_messages;
    unsigned n_drained;
    unsigned n_closed;
    char *name;
    char *reason;
};

struct net_fixture {
    sd_event *event;
    struct net *net;
    struct positions positions; // of a commit log
    char *folder;               // a temporary one, also the run directory
    struct peer *peers[FIXTURE_MAX_PEERS];
    unsigned n_fds_before;
    unsigned n_peers;
    unsigned n_open;
    unsigned n_gave_up;
    char *gave_up_error;
    char *log;       // lines of WARN and above
    char *last_info; // the last line of INFO
    bool echoes;     // answers each message with itself
    void (*on_opened)(struct net_fixture *fixture, struct peer *peer);
    void (*on_message)(struct net_fixture *fixture, struct peer *peer, struct slice text);
    void (*on_closed)(struct net_fixture *fixture, struct peer *peer);
    void (*on_gave_up)(struct net_fixture *fixture, struct remote *remote);
};

// For cmocka: *state is a net_fixture. The tear-down checks that closed() was called once for every
// connection and that no descriptor is open, those of the test included.
int fixture_setup(void **state);
int fixture_teardown(void **state);

// Runs the loop until `condition` holds. The time limit only turns a hanging test into a failed
// one.
#define RUN_UNTIL(fixture, condition)                                                              \
    do {                                                                                           \
        usec_t run_deadline_ = clock_monotonic() + FIXTURE_TIMEOUT;                                \
        while (!(condition)) {                                                                     \
            assert_true(clock_monotonic() < run_deadline_);                                        \
            assert_true(sd_event_run((fixture)->event, 10 * USEC_PER_MSEC) >= 0);                  \
        }                                                                                          \
    } while (0)
// Runs the loop until no event is pending.
void fixture_settle(struct net_fixture *fixture);
// The position `value` of fixture->positions, which is issued if it was not. 0: POSITION_NONE.
struct position fixture_position(struct net_fixture *fixture, uint64_t value);

struct remote *fixture_listen(struct net_fixture *fixture, const char *target);
struct remote *fixture_listen_with(struct net_fixture *fixture, const char *target,
                                   const struct remote_options *options);
// Connects a raw non-blocking client to a listening remote and waits until it is accepted.
// *ret_peer is the handler's record of it.
int fixture_connect(struct net_fixture *fixture, struct remote *remote, struct peer **ret_peer);
int fixture_dial(const struct remote *remote);                     // the same, without waiting
char *fixture_path(struct net_fixture *fixture, const char *name); // in the folder; caller frees

// Send to and receive from a raw client. client_take() appends what has arrived, and returns false
// at the end of the stream.
void client_put(struct net_fixture *fixture, int fd, struct slice bytes);
bool client_take(int fd, struct buf *buf);
void assert_messages(const struct peer *peer, const char *expected);
