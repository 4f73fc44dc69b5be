// SPDX-License-Identifier: Apache-2.0
// What the files of this layer share: the net, its remotes and connections, and the functions by
// which the files use each other. For this layer only.
//
// Lifetime: a handler may do anything from within its callbacks, net_free() and remote_free()
// included. Therefore nothing is freed while a callback runs. Connections and remotes that have
// ended are put on a list, which a deferred event source empties. The net itself lives until the
// outermost net_leave().
#pragma once

#include "basic/htable.h"
#include "net/address.h"
#include "net/net.h"
#include "net/probe.h"
#include "net/queue.h"
#include "net/stream.h"
#include "net/tls/names.h"
#include "net/tls/tls_config.h"
#include "json/framer.h"
#include "json/request_peek.h"

#include "basic/list.h"
#include "basic/log.h"
#include "basic/timers.h"

#include <assert.h>

// Upper bounds of the work in one turn of the loop.
#define NET_READ_SIZE    (64 * 1024) // bytes of one read, and the size of the shared buffer for it
#define NET_EVENT_BATCH  32          // connections whose input is handled
#define NET_INPUT_BATCH  64          // messages of one of these connections
#define NET_LONG_STEP    (1024 * 1024) // bytes of a message longer than the limit
#define NET_ACCEPT_BATCH 64            // connections accepted by one listener
#define NET_OUTPUT_BATCH 64            // connections written to
#define NET_REAP_BATCH   64            // connections reaped
#define NET_TIMER_BATCH  64            // timers run
#define NET_WRITE_SIZE   (256 * 1024)  // bytes written to one connection

#define NET_PRESS_USEC     (2 * USEC_PER_MSEC) // the work may wait this long for other sources
#define NET_LINGER_USEC    (5 * USEC_PER_SEC)  // time to send queued output before a close
#define NET_CONNECT_USEC   (5 * USEC_PER_SEC)  // time for one endpoint to answer a connect()
#define NET_HANDSHAKE_USEC (10 * USEC_PER_SEC) // time for a TLS handshake
#define NET_BACKOFF_MAX_MS 8000
#define NET_PROBE_TCP_MS   5000
#define NET_DSCP_TCP       48

static_assert(NET_BACKLOG_LOW < NET_BACKLOG_HIGH, "a paused connection can be resumed");

struct listener;
struct connector;

struct net {
    sd_event *event;
    struct net_handler handler;
    void *userdata;
    struct list remotes;
    struct list dead_remotes;     // after remote_free(), until their connections are reaped
    struct list dead_connections; // closed() has not been called yet
    struct list input_ready;      // connections with input that can be handled
    struct list output_ready;     // connections that can be written to, or closed
    struct list offers;           // listening sockets from another process (handover.h)
    struct net_limits limits;
    struct htable users;  // struct user by key (admission.c)
    usec_t accept_time;   // when `accept_credit` was computed
    usec_t accept_credit; // of the token bucket that limits the accept rate
    int epoll_fd;         // the epoll set of the connections' sockets
    sd_event_source *epoll_source;
    sd_event_source *work_source; // runs the lists above at the end of a turn
    bool is_armed;                // `work_source` is on
    bool is_urgent;               // `work_source` has the priority of other sources
    usec_t armed;                 // when `work_source` was turned on
    sd_event_source *timer_source;
    struct timers timers;
    usec_t timer_armed; // when `timer_source` fires
    usec_t connect_usec;
    usec_t linger_usec;
    usec_t handshake_usec;
    struct tls_config *tls;
    struct list handshakes; // in progress, the oldest first
    unsigned n_handshakes;
    struct handshake_set {
        int epoll_fd; // the epoll set of the handshakes' sockets
        sd_event_source *source;
    } handshakes_new, handshakes_begun; // before, and after, their first step
    char *read_buffer;
    size_t n_connections;
    uint64_t n_changes; // see net_n_changes()
    size_t backlog;     // sum of the connections' queue sizes
    unsigned n_unix;    // number of the next "unix#N"
    unsigned depth;     // callbacks that are running
    bool is_dead;       // net_free() was called
};

// A message longer than the limit. It is read to its end without being stored.
struct long_message {
    struct request_peek peek;
    char *reason; // why the connection ends after it
    size_t limit;
};

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_CLOSING, // reads nothing; sends its queue, until it is empty or the time is over
    CONNECTION_DEAD,    // its socket is closed; waits for closed()
    CONNECTION_N_STATES,
};

struct connection {
    struct net *net;
    struct remote *remote;
    struct user *user; // counted there; NULL: none
    void *userdata;
    char *name;
    struct tls_peer peer; // the names in its certificate
    bool is_verified;     // its certificate
    char *reason;         // why it ends; set when it leaves CONNECTION_OPEN
    enum connection_state state;
    bool is_blocked;    // the kernel accepts no more output now
    bool is_paused;     // not read from: the backlog has exceeded NET_BACKLOG_HIGH
    bool is_held;       // not read from: connection_hold()
    bool is_backlogged; // the backlog has exceeded NET_BACKLOG_LOW: drained() is to be called
    bool is_at_end;     // the peer has finished sending
    struct list in_remote;
    struct list in_input_ready;
    struct list in_output_ready; // or in dead_connections
    struct stream stream;
    uint32_t events; // epoll events waited for; 0: the socket is not in the epoll set
    struct framer framer;
    struct buf input;       // bytes received and not yet handled, from the beginning of a value
    size_t scanned;         // how many of them the framer has processed
    struct slice delivered; // the message with which message() is being called
    bool is_taken;          // connection_take_message() has replaced `input`
    uint64_t n_messages;
    struct long_message *long_message; // the current message, if it is too long; or NULL
    uint64_t n_received, n_sent;       // bytes
    usec_t busy;                       // see struct connection_usage
    struct queue queue;                // output
    struct list marks;                 // its output marks (output.c), in order of offset
    struct timer timer;                // the next probe, or the end of the linger time
    struct probe probe;
    uint64_t probe_start; // offset of the last probe in the queue
};

enum remote_kind { REMOTE_LISTENER, REMOTE_CONNECTOR, REMOTE_ADOPTED };

struct remote {
    struct net *net;
    struct list in_net; // net->remotes or net->dead_remotes
    char *target;
    struct address address; // all zero for an adopted socket
    enum remote_kind kind;
    bool is_unix;
    bool is_tls;
    bool is_dead;                  // remote_free() was called
    struct remote_options options; // as given, without the defaults
    void *userdata;
    struct list connections;
    unsigned n_connections;
    struct list handshakes; // in progress
    char last_error[512];
    usec_t last_connected; // monotonic; 0: never
    usec_t last_disconnected;
    struct listener *listener;   // of REMOTE_LISTENER, else NULL
    struct connector *connector; // of the other kinds, else NULL
};

// loop.c
// Brackets every entry from the event loop, so that no object is freed while it is in use.
void net_enter(struct net *net);
void net_leave(struct net *net); // may free the net
usec_t net_now(struct net *net); // the time at which the current turn began
void net_set_timer(struct net *net, struct timer *timer, usec_t deadline);
void net_clear_timer(struct net *net, struct timer *timer);
// Makes an epoll set that is a source of the event loop, and returns its descriptor. Ends the
// program if that is not possible.
int net_add_epoll(struct net *net, sd_event_source **ret, sd_event_io_handler_t handler,
                  const char *description);
// Schedules the work of the net's lists for the end of the turn. Call it after adding to a list.
void net_arm(struct net *net);
// Lets the scheduled work run before further event sources, if it has waited for NET_PRESS_USEC.
void net_press(struct net *net);

// connection.c
// Takes over the stream and the name. Returns NULL, having freed both, if the socket cannot be
// watched.
struct connection *connection_new(struct remote *remote, const struct stream *stream, char *name);
void connection_dispatch(struct connection *connection, uint32_t events); // epoll events
// Sets the epoll events of the socket to those that the state of the connection needs.
void connection_update_events(struct connection *connection);
// Takes the probe interval from the options of the remote.
void connection_update_probe(struct connection *connection);
// Ends the connection at once. The loop calls closed() later. Logs `reason` at `level`.
void connection_die(struct connection *connection, enum log_level level, const char *reason);
// connection_close() with a log level.
void connection_close_at(struct connection *connection, enum log_level level, const char *reason);
void connection_free(struct connection *connection);
// The level at which to log that the peer has ended the connection.
enum log_level connection_end_level(const struct connection *connection);

// input.c
void input_receive(struct connection *connection);
// Handles a batch of input that is stored in the connection.
void input_continue(struct connection *connection);
// Schedules the handling of stored input. Call it when the connection is no longer paused or held.
void input_resume(struct connection *connection);
void long_message_free(struct long_message *message); // NULL allowed

// output.c
void output_arm(struct connection *connection); // schedules output_run(), if it has work to do
// Writes; then calls drained(), resumes reading and ends a closing connection, as needed.
void output_run(struct connection *connection);
// Writes only. Returns false if the connection died.
bool output_write(struct connection *connection);
// True if the byte at this offset of the queue waits for a commit log.
bool output_waits(const struct connection *connection, uint64_t offset);
size_t output_sendable(const struct connection *connection); // bytes that may be sent
void output_discard(struct connection *connection);

// remote.c
void remote_set_error(struct remote *remote, const char *error);
usec_t remote_probe_interval(const struct remote *remote);
const char *remote_connected_state(const struct remote *remote); // as in remote_status()
// Sets the socket options that the remote's kind and options call for.
void remote_configure_socket(const struct remote *remote, int fd);
void remote_closed(struct remote *remote); // one of its connections was reaped
void remote_reap(struct remote *remote);   // frees it; it has no connections (asserted)

// handover.c
// Returns a listening socket offered for `target` (net_offer_listener()), or -1.
int offer_take(struct net *net, const char *target);

// tls/handshake.c
void handshake_init(struct net *net);
void handshake_done(struct net *net); // none is in progress (asserted)
// Begins a TLS handshake on the connected socket `fd`. Takes over `fd` and `name`. Then
// listener_welcome(), connector_succeed() or connector_refused() is called, perhaps from within.
void handshake_start(struct remote *remote, int fd, char *name);
void handshake_free_all(struct remote *remote); // without logging and without these calls
