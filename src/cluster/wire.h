// SPDX-License-Identifier: Apache-2.0
// What the members of a cluster send each other over a connection: JSON-RPC notifications. The
// first message of either side is its hello.
//
//     {"id":null,"method":"hello","params":[{"address":"tcp:10.0.0.1:6643",...,"version":1}]}
//     {"id":null,"method":"raft","params":[{"kind":"append","term":3,...},ENTRY,ENTRY,...]}
//
// The first parameter is an object with the fields of the message. Entries stand after it, in the
// form of a record of a clustered file. The data of entries and the parameters and results of
// clients are JSON text, which is copied, not encoded again. The form of "refused", and the members
// "version" of "hello", are the same in all versions.
#pragma once

#include "cluster/message.h"

#define WIRE_VERSION 1

// The reason in a JOIN_RESULT with which the leader answers a server that it knows to be removed.
#define WIRE_NO_MEMBER "it is no member"

enum wire_kind {
    WIRE_HELLO,         // who the sender is
    WIRE_REFUSED,       // why the sender closes the connection
    WIRE_RAFT,          // a message of the consensus; not MESSAGE_SNAPSHOT
    WIRE_SNAPSHOT,      // MESSAGE_SNAPSHOT; its contents follow in parts
    WIRE_SNAPSHOT_PART, // a piece of the contents of the last WIRE_SNAPSHOT
    WIRE_JOIN,          // the sender asks to become a member
    WIRE_JOIN_RESULT,   // the answer, unless it is the snapshot
    WIRE_LEAVE,         // the sender asks the leader to remove it, or another server
    WIRE_REQUEST,       // follower to leader: a client's request
    WIRE_CANCEL,        // follower to leader: the method "cancel" for a client's request
    WIRE_REPLY,         // leader to follower: the reply to a client's request
    WIRE_NOTIFICATION,  // leader to follower: a notification for a client ("locked", "stolen")
    WIRE_CLIENT_GONE,   // follower to leader: the client has disconnected
    WIRE_N_KINDS,
};

struct wire_hello {
    uint64_t version;
    const char *name;       // of the database
    struct uuid cluster_id; // UUID_ZERO: not known, from a server that is to join
    struct uuid server_id;
    const char *address; // at which the sender listens
};

struct wire_snapshot {
    struct member_message message; // MESSAGE_SNAPSHOT
    uint64_t election_timer;       // ms; 0: not recorded
    struct uuid eid;
    uint64_t size; // bytes of the contents, the text of "prev_data"
};

struct wire_part {
    uint64_t index;    // of the snapshot
    uint64_t offset;   // in the contents
    struct slice data; // any bytes of valid UTF-8 text; a part does not cut a character
};

struct wire_join_result {
    bool is_accepted;   // false: ask `leader`, or give up for `reason`
    const char *leader; // its address; NULL: not known, or no use in asking
    const char *reason; // or NULL
};

// A client of the sender (REQUEST, CANCEL, CLIENT_GONE) or of the receiver (REPLY, NOTIFICATION).
struct wire_client {
    uint64_t client;       // the number that the follower has given to its client
    uint64_t number;       // of the request; not of NOTIFICATION and CLIENT_GONE
    const char *method;    // REQUEST, NOTIFICATION
    const char *role;      // REQUEST: of RBAC; NULL: none
    const char *client_id; // REQUEST: for RBAC; NULL: not known
    struct slice params;   // REQUEST, NOTIFICATION: JSON text. REPLY: the result or the error
    bool is_error;         // REPLY
    uint64_t index;        // REPLY: of the log; the reply shows the entries up to this one
};

// Strings and slices are borrowed.
struct wire_message {
    enum wire_kind kind;
    union {
        struct wire_hello hello;
        const char *reason;            // REFUSED
        struct member_message raft;    // RAFT
        struct wire_snapshot snapshot; // SNAPSHOT
        struct wire_part part;         // SNAPSHOT_PART
        struct wire_join_result join_result;
        struct uuid leaving;       // LEAVE; UUID_ZERO: the sender
        struct wire_client client; // REQUEST, CANCEL, REPLY, NOTIFICATION, CLIENT_GONE
    };
};

// Appends the whole JSON-RPC notification. Asserts what the comments above require.
void wire_put(struct buf *buf, const struct wire_message *message);
// Decodes a notification; `text` is one valid JSON value (I-1). *ret points into `text` and into
// *memory, which is made if it is NULL, and used again otherwise: *ret is valid until the next call
// or wire_memory_free(). The caller frees *memory also after an error. Entries have the consecutive
// indexes after message.raft.index, and terms that do not go back or exceed that of the message.
// Errors name what is wrong; bytes of a peer reach no assertion. A hello of another version is an
// error. O(size), without a copy of the entries' data.
struct wire_memory;
struct ovsdb_error *wire_decode(struct slice text, struct wire_memory **memory,
                                struct wire_message *ret);
void wire_memory_free(struct wire_memory *memory); // NULL allowed
const char *wire_kind_name(enum wire_kind kind);   // the method: "hello"
// The name in "kind" of a message of the consensus: "append".
const char *wire_raft_kind_name(enum message_kind kind);
