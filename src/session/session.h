// SPDX-License-Identifier: Apache-2.0
// The protocol of one client (RFC 7047 4): requests come in as validated messages, replies and
// notifications go out through the sink.
#pragma once

#include "basic/text.h"
#include "session/server.h"

// Where a session's output goes. A message is sent in one or more pieces, one after another. None
// of these may free the session.
struct session_sink {
    // Copies `text`. It may leave when `ticket` (0: at once) is synced.
    void (*send)(void *userdata, struct slice text, uint64_t ticket);
    // The same, queueing a reference to `text` (takes one of its own; the caller keeps its).
    void (*send_shared)(void *userdata, struct text *text, uint64_t ticket);
    // Bytes queued and not yet taken by the kernel: monitors owe updates instead of queueing them
    // while it is high.
    size_t (*backlog)(void *userdata);
    // With `on`, no session_receive() from after this call until one without: the answer to a
    // request takes time.
    void (*hold)(void *userdata, bool on);
    // The session is over (protocol error, db change): close after what is queued has been sent.
    // `reason` is for the log.
    void (*close)(void *userdata, const char *reason);
};

// The process at the other end of a Unix socket, as it was when it connected.
struct session_peer {
    bool is_known;
    unsigned uid;
    int pid;
};

struct session_options {
    const char *name;   // of the peer, for the log: "unix#3", "tcp:127.0.0.1:40000"; copied
    const char *remote; // where it comes from, for the log, or NULL; copied
    struct session_peer peer;
    bool read_only;
    const char *role;      // of RBAC; NULL or "": none, it may do everything; copied
    const char *client_id; // whom RBAC rules are about; NULL: nobody known; copied
};

struct session *session_new(struct server *server, const struct session_sink *sink, void *userdata,
                            const struct session_options *options);
// Releases locks, cancels waiting transactions and monitors.
void session_free(struct session *session);
// Handles one message: `text` is one value that passed the framer. May call the sink. Never fails:
// errors are answered, or close the session through the sink.
void session_receive(struct session *session, struct slice text, usec_t now);
// Call when the backlog has fallen: updates that were held back may be produced now (by the next
// server_run()).
void session_output_drained(struct session *session);
// Appends the names of the locks it asked for and now owns, waits for, or has lost for good to a
// thief; sorted, with blanks between them.
enum lock_state { LOCKS_HELD, LOCKS_WAITING, LOCKS_LOST };
void session_put_locks(const struct session *session, enum lock_state state, struct buf *text);
