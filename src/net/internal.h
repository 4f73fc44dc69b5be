// SPDX-License-Identifier: Apache-2.0
// What the files of this layer share: the three objects and the seams between the files.
//
// A handler may do anything from within its callbacks, net_free() and remote_free() included. So
// nothing is freed while a callback runs: connections and remotes that are over go on a list that a
// deferred source reaps, and the net itself lives until the outermost net_leave().
#pragma once

#include "basic/htable.h"
#include "net/address.h"
#include "net/net.h"
#include "net/queue.h"
#include "net/resolver.h"
#include "net/socket_file.h"
#include "net/stream.h"
#include "net/tls/names.h"
#include "net/tls/tls_config.h"
#include "json/framer.h"
#include "json/request_peek.h"

#include "basic/list.h"
#include "basic/log.h"
#include "basic/timers.h"

#define NET_READ_SIZE         (64 * 1024)   // one read, and the shared buffer for it
#define NET_EVENT_BATCH       32            // connections with input handled in one turn
#define NET_INPUT_BATCH       64            // messages of one of them
#define NET_LONG_STEP         (1024 * 1024) // bytes of a message that is too long
#define NET_ACCEPT_BATCH      64            // connections of one listener accepted in one turn
#define NET_OUTPUT_BATCH      64            // connections written to in one turn
#define NET_REAP_BATCH        64            // objects reaped in one turn
#define NET_TIMER_BATCH       64            // timers run in one turn
#define NET_WRITE_SIZE        (256 * 1024)  // bytes written to one connection in one turn
#define NET_PRESS_USEC        (2 * USEC_PER_MSEC) // that output may wait for other sources of the loop
#define NET_LINGER_USEC       (5 * USEC_PER_SEC)  // to send what is queued before a close
#define NET_CONNECT_USEC      (5 * USEC_PER_SEC)  // for one endpoint to answer a connect
#define NET_HANDSHAKE_USEC    (10 * USEC_PER_SEC) // for a TLS handshake
#define NET_ACCEPT_PAUSE_USEC (USEC_PER_SEC / 2)  // when there are no descriptors left
#define NET_BACKOFF_MIN_MS    1000
#define NET_BACKOFF_MAX_MS    8000
#define NET_PROBE_TCP_MS      5000
#define NET_DSCP_TCP          48

struct net {
    sd_event *event;
    struct net_handler handler;
    void *userdata;
    struct list remotes;
    struct list dead_remotes;     // freed by their owner, waiting for their connections
    struct list dead_connections; // waiting for closed()
    struct list input_ready;      // connections with unprocessed input
    struct list output_ready;     // connections with something to write, or to close
    struct list offers;           // sockets that listen, for remotes to come
    struct list marks;            // all connections' output marks, in order of their tickets
    uint64_t released;
    struct net_limits limits;
    struct htable users; // struct user, by their keys
    usec_t accept_time;  // when the credit was right
    usec_t accept_credit;
    int epoll_fd;                  // the connections' sockets
    sd_event_source *epoll_source; // some of them are ready
    sd_event_source *work_source;  // there is something on a list
    bool is_armed;                 // `work_source` is on
    bool is_urgent;                // ... and comes before all input
    usec_t armed;                  // since when
    sd_event_source *timer_source;
    struct timers timers;
    usec_t timer_armed;
    usec_t connect_usec;
    usec_t linger_usec;
    usec_t handshake_usec;
    struct tls_config *tls;
    struct list handshakes; // under way, the oldest first
    unsigned n_handshakes;
    struct handshake_set {
        int epoll_fd; // their sockets
        sd_event_source *source;
    } handshakes_new, handshakes_begun; // the one before, the other after their first step
    char *read_buffer;
    size_t n_connections;
    uint64_t n_changes; // of what remote_status() says, probes left out
    size_t backlog;
    unsigned n_unix;
    unsigned depth; // callbacks being run
    bool is_dead;
};

// A message that is longer than the limit, while it passes by.
struct long_message {
    struct request_peek peek;
    char *reason; // why the connection ends with it
    size_t limit;
};

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_CLOSING, // no more input; output leaves until it is all sent or time is over
    CONNECTION_DEAD,    // no more input nor output; waits for closed()
};

struct connection {
    struct net *net;
    struct remote *remote;
    struct user *user; // or NULL
    void *userdata;
    char *name;
    struct tls_peer peer; // the names in its certificate
    char *reason;         // why it is over
    enum connection_state state;
    bool is_blocked;    // the kernel takes no more output now
    bool is_paused;     // not reading: the backlog was over the high-water mark
    bool is_held;       // not reading: the handler said so
    bool is_backlogged; // the backlog was over the low-water mark: drained() is owed
    bool is_at_end;     // the peer sends no more
    struct list in_remote;
    struct list in_input_ready;
    struct list in_output_ready; // or in dead_connections
    struct stream stream;
    uint32_t events; // being waited for; 0: the socket is not in the epoll set
    struct framer framer;
    struct buf input; // bytes received and not yet handled, from the beginning of a value
    size_t scanned;   // how many of them the framer has seen
    uint64_t n_messages;
    struct long_message *long_message; // the current message, or NULL
    uint64_t n_received, n_sent;       // bytes
    usec_t busy;                       // time for handling its input and writing its output
    struct queue queue;
    struct list marks;     // output marks: from where on which ticket is needed
    struct timer timer;    // the next probe, or the end of the linger time
    usec_t probe_interval; // 0: off
    usec_t last_sign;      // of life
    usec_t probe_sent;     // 0: none is under way
};

enum remote_kind { REMOTE_LISTENER, REMOTE_CONNECTOR, REMOTE_ADOPTED };

enum connector_state {
    CONNECTOR_VOID,       // gave up, or stopped
    CONNECTOR_BACKOFF,    // waits before it dials
    CONNECTOR_RESOLVING,  // waits for the addresses of a name
    CONNECTOR_CONNECTING, // waits for an endpoint to answer
    CONNECTOR_ACTIVE,     // has a connection
    CONNECTOR_N_STATES,
};

struct connector {
    enum connector_state state;
    struct resolution *resolution;
    struct endpoint *endpoints; // to try, one after another
    size_t n_endpoints;
    size_t next_endpoint;
    int fd; // connecting, or adopted and not yet opened; -1: none
    sd_event_source *source;
    uint64_t backoff_ms; // the last one waited for; 0: none since things went well
    bool dials_at_once;  // when the connection has ended
};

struct listener {
    int fd; // -1: none
    sd_event_source *source;
    struct socket_file file; // made here
    bool is_narrowed; // listens on "[::]" for IPv6 only, as another remote has the port for IPv4
    uint16_t port;
    struct log_limit limit;
};

struct remote {
    struct net *net;
    struct list in_net; // or in dead_remotes
    char *target;
    struct address address; // zero for a socket that was passed
    enum remote_kind kind;
    bool is_unix;
    bool is_tls;
    bool is_dead;
    struct remote_options options; // as given
    void *userdata;
    struct list connections;
    unsigned n_connections;
    struct list handshakes; // of connections to be
    char last_error[512];
    usec_t last_connected; // monotonic; 0: never
    usec_t last_disconnected;
    struct timer timer; // next dial, end of a connect, end of an accept pause
    struct connector connector;
    struct listener listener;
};

// net.c
void net_enter(struct net *net);
void net_leave(struct net *net); // may free the net
usec_t net_now(struct net *net);
void net_set_timer(struct net *net, struct timer *timer, usec_t deadline);
void net_clear_timer(struct net *net, struct timer *timer);
// A new epoll set as a source of the loop; the program ends if there can be none.
int net_add_epoll(struct net *net, sd_event_source **ret, sd_event_io_handler_t handler,
                  const char *description);
void net_arm(struct net *net); // there is something on a list
// To be called while output comes in: other sources must not keep it waiting for long.
void net_press(struct net *net);

// connection.c
// Takes the stream and the name. NULL (they are gone) if the socket cannot be watched.
struct connection *connection_new(struct remote *remote, const struct stream *stream, char *name);
void connection_dispatch(struct connection *connection, uint32_t events);
void connection_update_events(struct connection *connection);
// It is over at once; closed() follows from the loop. `level` is how the reason is logged.
void connection_die(struct connection *connection, enum log_level level, const char *reason);
void connection_close_at(struct connection *connection, enum log_level level, const char *reason);
void connection_free(struct connection *connection);
enum log_level connection_end_level(const struct connection *connection); // of a peer that is gone

// input.c
void input_receive(struct connection *connection);
// Handles a batch of what is left in the connection's own buffer.
void input_continue(struct connection *connection);
void input_resume(struct connection *connection);
void long_message_free(struct long_message *message); // NULL allowed

// output.c
bool output_is_over(const struct connection *connection); // nothing is queued
void output_arm(struct connection *connection);
// Writes; calls drained(), resumes reading, ends a closing connection.
void output_run(struct connection *connection);
// Only writes. False if the connection died of it.
bool output_write(struct connection *connection);
size_t output_sendable(const struct connection *connection);
void output_discard(struct connection *connection);

// probe.c
void probe_start(struct connection *connection);
void probe_check(struct connection *connection, usec_t now);
// True if `text` answers a probe of ours.
bool probe_is_reply(struct slice text);

// remote.c
void remote_set_error(struct remote *remote, const char *error);
usec_t remote_probe_interval(const struct remote *remote);
const char *remote_connected_state(const struct remote *remote); // as remote_status() shows it
// Sets what the options and kind of the remote say on a socket that listens or connects.
void remote_configure_socket(const struct remote *remote, int fd);
void remote_closed(struct remote *remote); // one of its connections is gone
void remote_reap(struct remote *remote);

// listener.c
int listener_open(struct remote *remote, char **ret_error);
int listener_adopt(struct remote *remote, int fd, char **ret_error);
void listener_close(struct remote *remote);
void listener_timer(struct remote *remote);
void listener_accept_waiting(struct remote *remote); // all of them, at once
// An accepted connection is ready. Takes the stream and the name.
void listener_welcome(struct remote *remote, const struct stream *stream, char *name);

// handover.c
int offer_take(struct net *net, const char *target); // -1: there is none

// connector.c
void connector_start(struct remote *remote);
void connector_adopt(struct remote *remote, int fd);
void connector_stop(struct remote *remote);
// The connection is ready. Takes the stream and the name.
void connector_succeed(struct remote *remote, const struct stream *stream, char *name);
// It has a connection that was made elsewhere. False if it has one, or makes one, already.
bool connector_continue(struct remote *remote);
// The handshake failed; `at_once`: the next attempt will do better.
void connector_refused(struct remote *remote, const char *reason, bool at_once);
void connector_redial(struct remote *remote); // at once
void connector_timer(struct remote *remote, usec_t now);
void connector_lost(struct remote *remote, usec_t now);        // its connection is gone
const char *connector_state_name(const struct remote *remote); // as remote_status() shows it

// handshake.c
void handshake_init(struct net *net);
void handshake_done(struct net *net); // none may be under way
// Begins a TLS handshake on a connected socket; takes both. listener_welcome(), connector_succeed()
// or connector_refused() follows, perhaps from within.
void handshake_start(struct remote *remote, int fd, char *name);
void handshake_free_all(struct remote *remote); // quietly
