// SPDX-License-Identifier: Apache-2.0
// A session: the protocol with one client (RFC 7047 4). The caller passes in validated messages;
// replies and notifications go out through the sink.
#pragma once

#include "basic/text.h"
#include "session/server.h"

// Where a session's output goes. A message is sent in one or more pieces, one after another. These
// functions must not free the session.
struct session_sink {
    // Copies `text`. The text may be sent to the client when `position` is durable (I-6);
    // POSITION_NONE: at once.
    void (*send)(void *userdata, struct slice text, struct position position);
    // The same, but takes a reference to `text` instead of a copy.
    void (*send_shared)(void *userdata, struct text *text, struct position position);
    // The bytes that are queued and not yet written to the socket. While this is high, monitors
    // coalesce changes instead of queueing updates.
    size_t (*backlog)(void *userdata);
    // After a call with `on`, the caller must not call session_receive() until a call without `on`:
    // the reply to the last request is not finished.
    void (*hold)(void *userdata, bool on);
    // The session has ended (protocol error, change of the databases). The connection must be
    // closed when the queued output has been sent. `reason` is for the log.
    void (*close)(void *userdata, const char *reason);
};

// The process at the other end of a Unix socket, as it was when it connected.
struct session_peer {
    bool is_known;
    unsigned uid;
    int pid;
};

struct session_options {
    const char *name;   // of the client, for the log: "unix#3", "tcp:127.0.0.1:40000"; copied
    const char *remote; // the remote of its connection, for the log, or NULL; copied
    struct session_peer peer;
    bool read_only;
    const char *role;      // of RBAC; NULL or "": no role, everything is allowed; copied
    const char *client_id; // the client's name in RBAC rules; NULL: not known; copied
    bool owns_locks; // the operation "assert" holds for each lock: the peer has checked its own
};

struct session *session_new(struct server *server, const struct session_sink *sink, void *userdata,
                            const struct session_options *options);
// Releases the session's locks, and ends its waiting transactions and monitors. NULL allowed.
void session_free(struct session *session);
// Handles one message. `text` is one value that passed the framer (I-1). Errors are sent as
// replies, or close the session through the sink.
void session_receive(struct session *session, struct slice text, usec_t now);
// Call when sink->backlog() has fallen. The next server_run() sends the coalesced updates.
void session_output_drained(struct session *session);
enum lock_state {
    LOCKS_HELD,
    LOCKS_WAITING,
    LOCKS_LOST // got by "steal" and stolen by another session: the session does not get it back
};
// Appends the names of the session's locks in this state, sorted, with blanks between them.
void session_put_locks(const struct session *session, enum lock_state state, struct buf *text);
