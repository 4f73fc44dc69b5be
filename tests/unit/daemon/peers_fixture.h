// SPDX-License-Identifier: Apache-2.0
// Servers of a cluster, with real sockets on one loop.
#pragma once

#include "unit.h"

#include "basic/clock.h"
#include "daemon/cluster/peers.h"
#include "net/address.h"

#include <systemd/sd-event.h>

#define TIMEOUT (30 * USEC_PER_SEC)
#define N_NODES 4

// A server.
struct node {
    struct net *net;
    struct peers *peers;
    char *address;
    struct uuid id;
    unsigned n_received, n_connected, n_disconnected, n_introduced, n_drained;
    struct uuid last_from, introduced_id, introduced_cluster;
    enum wire_kind last_kind;
    uint64_t next_offset; // of the part of a snapshot that is expected next
};

struct fixture {
    sd_event *event;
    struct node nodes[N_NODES];
    struct servers servers; // all nodes
    char folder[32];
    struct buf log; // warnings
};

#define RUN_UNTIL(fixture, condition)                                                              \
    do {                                                                                           \
        usec_t run_deadline_ = clock_monotonic() + TIMEOUT;                                        \
        while (!(condition)) {                                                                     \
            assert_true(clock_monotonic() < run_deadline_);                                        \
            assert_true(sd_event_run((fixture)->event, 10 * USEC_PER_MSEC) >= 0);                  \
        }                                                                                          \
    } while (0)

extern const struct uuid fixture_cluster;

// For cmocka: *state is a fixture, whose nodes do not run.
int peers_setup(void **state);
int peers_teardown(void **state);
// How often the warnings have the text. Warnings of refusals must have a message id.
unsigned fixture_logged(struct fixture *fixture, const char *text);
// An address of the form "tcp:127.0.0.1:PORT" with a port that is free. Caller frees.
char *free_address(const char *format, int family);

struct peers_settings node_settings(const struct node *node);
// Makes the peers of a server, which neither listens nor dials yet.
void node_start_as(struct fixture *fixture, struct node *node,
                   const struct peers_settings *settings);
// Starts a server that listens and dials the other ones.
void node_start(struct fixture *fixture, struct node *node);
void node_stop(struct node *node);
struct endpoint node_endpoint(const struct node *node);
// A non-blocking socket that listens in place of the server. Caller closes it.
int node_imitate(const struct node *node);

bool is_connected(const struct node *from, const struct node *to);
bool send_part(const struct node *from, const struct node *to, uint64_t number, struct slice data);
bool send_kind(const struct node *from, const struct node *to, enum wire_kind kind);
