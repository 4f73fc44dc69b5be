// SPDX-License-Identifier: Apache-2.0
// The part of a remote that dials, or that holds an adopted connected socket. For this layer only.
#pragma once

#include "basic/timers.h"
#include "net/address.h"
#include "net/backoff.h"
#include "net/resolver.h"
#include "net/stream.h"

struct remote;

enum connector_state {
    CONNECTOR_VOID,       // gave up, or stopped
    CONNECTOR_BACKOFF,    // waits before it dials
    CONNECTOR_RESOLVING,  // waits for the addresses of a host name
    CONNECTOR_CONNECTING, // waits for an endpoint to answer, or for a TLS handshake
    CONNECTOR_ACTIVE,     // has a connection
    CONNECTOR_N_STATES,
};

struct connector {
    struct remote *remote;
    enum connector_state state;
    struct resolution *resolution; // of RESOLVING
    struct endpoint *endpoints;    // to try, in this order
    size_t n_endpoints;
    size_t next_endpoint;
    int fd; // being connected, or adopted and not yet opened; -1: none
    sd_event_source *source;
    struct backoff backoff;
    bool dials_at_once; // when the current connection has ended
    struct timer timer; // the next dial, or the end of a connect()
};

struct connector *connector_new(struct remote *remote); // in VOID
// Dials from the loop, without a wait.
void connector_start(struct connector *connector);
// Takes over the connected socket `fd`, whose connection is opened from the loop.
void connector_adopt(struct connector *connector, int fd);
// Ends an attempt to connect. The state becomes CONNECTOR_VOID.
void connector_stop(struct connector *connector);
// Frees a stopped connector (asserted). NULL allowed.
void connector_free(struct connector *connector);
// A connection is ready for messages. Takes over the stream and the name.
void connector_succeed(struct connector *connector, const struct stream *stream, char *name);
// Makes the connector ACTIVE for a connection that another process has handed over. Returns false,
// and does nothing, if the connector has a connection or is dialing.
bool connector_continue(struct connector *connector);
// The TLS handshake has failed. `at_once`: dial again without a wait, because the cause is removed.
void connector_refused(struct connector *connector, const char *reason, bool at_once);
// Dials again without a wait: now, or when the current connection has ended.
void connector_redial(struct connector *connector);
void connector_lost(struct connector *connector, usec_t now);        // its connection has ended
const char *connector_state_name(const struct connector *connector); // as in remote_status()
