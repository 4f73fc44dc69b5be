// SPDX-License-Identifier: Apache-2.0
// This server's part in the cluster of one database: it keeps the database, the log and the
// consensus in step. No I/O, no clock, no randomness.
//
// The leader executes transactions at once: each commit appends an entry to the log. The outputs
// that show it wait until the entry is committed (the positions of the commit log), so memory is
// ahead of the cluster, and outputs are not. All other members apply the entries that are
// committed. A leader that is deposed withdraws the commits that were not committed by then; their
// entries may still be committed by a later leader, and are then applied like those of any other.
//
//     session --commit--> member --entries--> consensus --> write(), send()
//                           ^                     |
//                           +---- committed ------+--> positions_advance(), or apply()
#pragma once

#include "cluster/consensus.h"
#include "cluster/member_log.h"
#include "cluster/wire.h"
#include "engine/db.h"

struct member;

enum member_state {
    MEMBER_JOINING,      // it has no log yet
    MEMBER_FOLLOWING,    // it applies the entries of the leader, if there is one
    MEMBER_CATCHING_UP,  // it is the leader, and applies the entries of earlier leaders
    MEMBER_LEADING,      // it executes transactions
    MEMBER_HANDING_OVER, // it is the leader, and has asked another member to take over
    MEMBER_LEFT,         // it is no member of the cluster any more
    MEMBER_FAILED,       // for good: the disk has failed, or the log cannot be applied
    MEMBER_N_STATES,
};

struct member_handler {
    // The log of this member, always with everything that was written. Borrowed.
    const struct member_log *(*log)(void *userdata);
    // Writes records to the log. member_persisted() follows when they are durable.
    void (*write)(void *userdata, const struct file_record *records, size_t n);
    // The same, and returns when they are durable. False: they could not be written.
    bool (*write_synced)(void *userdata, const struct file_record *records, size_t n);
    // Replaces the log by a snapshot, and returns when that is durable. Takes over the header.
    // False: it could not be written, and nothing has changed. After a failure of either function
    // the member does not take part until write_synced() succeeds; it tries about once a second.
    bool (*install)(void *userdata, struct file_header *header, uint64_t term, struct uuid vote);
    // Sends a message, which may get lost; `to` UUID_ZERO: to every server that is connected.
    // False: it is lost.
    bool (*send)(void *userdata, struct uuid to, const struct wire_message *message);

    // The bytes that are queued and not sent to the server.
    size_t (*backlog)(void *userdata, struct uuid to);

    // Writes the changes of a commit in the form of a record of a standalone file. False: nothing
    // of it is stored.
    bool (*encode)(void *userdata, const struct changeset *changes, struct buf *buf);
    // Applies such a record to the database as one transaction.
    struct ovsdb_error *(*apply)(void *userdata, struct slice record);
    // Makes a database of a schema and the whole contents, and serves it in place of the former.
    // Commits of it go to member_commit_log(). Returns it; the owner keeps it. `txn_id` is the id
    // of its last transaction.
    struct ovsdb_error *(*replace)(void *userdata, const struct entry_data *data,
                                   struct uuid txn_id, struct db **ret);
    // Withdraws the commits after `last` (db_undo()).
    void (*withdraw)(void *userdata, struct changeset *last);

    // The state, the leader, the members or an index has changed. Not called from within functions
    // of the owner's database.
    void (*changed)(void *userdata);
    // A message about the request of a client, of the kinds REQUEST to CLIENT_GONE.
    void (*client)(void *userdata, struct uuid from, const struct wire_message *message);
};

struct member_settings {
    uuid_source *new_uuid; // makes transaction ids
    unsigned seed;         // of the random part of election timeouts
    // Whether a failure test asks this member not to vote, lead etc. is not its concern.
};

// The database holds the entries up to `index` of the log, which must be committed (NULL for a
// server that is to join). It stays the owner's.
struct member *member_new(const struct member_settings *settings,
                          const struct member_handler *handler, void *userdata, struct db *db,
                          uint64_t index);
void member_free(struct member *member); // the database must not be used any more; NULL allowed
// Starts to take part. `now` is a time in ms of a clock that never goes back, as in all functions.
void member_start(struct member *member, uint64_t now);
// Writes what makes the next start quicker. The last call before the log is closed.
void member_stop(struct member *member);
// The commit log of the database.
struct commit_log *member_commit_log(struct member *member);

// When to call member_timeout() at the latest.
uint64_t member_deadline(const struct member *member);
void member_timeout(struct member *member, uint64_t now);
// Appends what has been committed to the log; at the end of each turn of the event loop.
void member_flush(struct member *member, uint64_t now);
// Applies a bounded number of committed entries. True: call again soon.
bool member_run(struct member *member, uint64_t now);
// Handles a message of the server `from`.
void member_receive(struct member *member, uint64_t now, struct uuid from,
                    const struct wire_message *message);
// backlog() of a server has become small.
void member_drained(struct member *member, struct uuid server);
// Both connections with the server have ended.
void member_lost(struct member *member, uint64_t now, struct uuid server);
// The records of the oldest `n` calls of write() are durable.
void member_persisted(struct member *member, uint64_t now, size_t n);
// The disk has failed.
void member_fail(struct member *member, const char *reason);

// Converts the database: appends an entry with a schema and the whole contents. `data` is the text
// [SCHEMA,TRANSACTION]. Until it is applied (replace()) or lost, nothing may be committed. Returns
// 0, or -ENOTCONN if this member does not lead.
int member_convert(struct member *member, uint64_t now, struct slice data);
// Changes the election timer of all members. Returns 0 or -ENOTCONN.
int member_set_election_timer(struct member *member, uint64_t now, unsigned ms);
// Hands leadership over, see consensus_transfer(). Commits of sessions must not follow until the
// state has changed again.
int member_transfer(struct member *member, uint64_t now, struct uuid to);
// The members' files no longer need the entries up to `index`, because the owner has put a snapshot
// in their place and has kept the last `n_kept` of them in memory.
void member_compacted(struct member *member, uint64_t now, uint64_t index, uint64_t term,
                      size_t n_kept);
// A server with this address asks to become a member.
void member_add_server(struct member *member, uint64_t now, struct uuid id, const char *address);
// A server that is to join has a connection to another server: asks it at once.
void member_ask_to_join(struct member *member, uint64_t now, struct uuid cluster_id);
// Removes a member, or ends the addition of a server; a follower asks the leader to do it, once.
// Returns 0, -ENOTCONN if no leader can be asked, -EBUSY while another change of the members is in
// progress, -ENOENT, or -EINVAL if it is the only one.
int member_kick(struct member *member, uint64_t now, struct uuid server);
// Asks the cluster to remove this server, until it has left.
void member_leave(struct member *member, uint64_t now);

struct member_status {
    enum member_state state;
    bool is_leaving;
    bool is_connected;       // a leader is known, or was within the election timeout
    bool is_ready;           // it executes transactions
    const char *failure;     // why it has failed; NULL: it has not
    struct uuid leader;      // UUID_ZERO: unknown
    uint64_t applied_index;  // memory shows the committed entries up to this one
    uint64_t election_timer; // ms
    struct consensus_state consensus;
    uint64_t n_leader_changes;
    size_t n_withdrawn;        // the last time that leadership was lost
    uint64_t n_elections;      // that this member has started
    uint64_t election_started; // the time of the last one; 0: none
    uint64_t election_won;     // 0: it has not won the last one
    bool election_is_transfer;
    uint64_t n_snapshots_sent, n_snapshots_installed;
};
void member_status(const struct member *member, uint64_t now, struct member_status *ret);
const struct servers *member_servers(const struct member *member);
uint64_t member_match_index(const struct member *member, struct uuid server);
uint64_t member_applied_index(const struct member *member);
const char *member_state_name(enum member_state state);
