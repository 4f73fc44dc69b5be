// SPDX-License-Identifier: Apache-2.0
// The structure of a member, and functions shared by its files.
//
//     member.c            states, the consensus and its events, time
//     member_commits.c    commits of a leader, and entries that are applied
//     member_snapshots.c  snapshots to and from other members
//     member_changes.c    joining, leaving and removing
#pragma once

#include "cluster/member.h"
#include "cluster/snapshot_parts.h"

// A commit of this leader that is not committed by the cluster.
struct executed {
    uint64_t index; // 0: still in the batch
    uint64_t position;
    struct changeset *changes; // a reference
};

struct member {
    const struct member_handler *handler;
    void *userdata;
    uuid_source *new_uuid;
    struct consensus *consensus; // NULL: it has no log yet
    unsigned seed;
    enum member_state state;
    char *failure;
    bool is_joining, is_leaving; // it asks for that
    bool is_removed;             // a committed entry says so; a leader ends its term first
    struct commit_log commit_log;
    struct db *db;
    struct changeset *committed; // a reference: the commits after it are those of `executed`
    uint64_t applied_index, commit_index, recorded_commit_index;
    uint64_t elected_index; // the end of the log when this member was elected
    struct uuid applying;   // the transaction id of the entry that is being applied
    bool is_applying;
    bool is_install_failed;
    bool has_installed; // a snapshot is durable, which the consensus is to be told

    struct executed *executed; // those before first_executed are committed
    size_t first_executed, end_executed, executed_capacity;
    struct log_entry *batch; // entries that are not in the log yet; each owns its data
    size_t n_batch, batch_capacity;

    struct wire_snapshot incoming; // the snapshot that is being received; size 0: none
    struct servers incoming_servers;
    struct snapshot_assembly assembly; // its contents
    struct list sendings;              // snapshots to other members
    struct uuid cluster_id;            // UUID_ZERO: not known yet

    // For each call of write() that is not durable: whether the consensus waits for it.
    bool *writes;
    size_t n_writes, writes_capacity;

    uint64_t restart_at; // when to try to start the consensus again; 0: it runs
    uint64_t ask_again;  // when to repeat the request to join or to leave
    uint64_t leader_lost;
    uint64_t now;
    struct member_status status; // the counters and times in it
};

// member.c
void member_set_state(struct member *member, enum member_state state);
// The contents of the file.
const struct member_log *member_log(const struct member *member);
// True if this member is the leader, whether or not it executes transactions yet.
bool member_leads(const struct member *member);
// True in the states LEFT and FAILED, which are final.
bool member_is_over(const struct member *member);
// Writes records which need not be durable before the next ones. `for_consensus`: the consensus
// waits for them.
void member_write(struct member *member, const struct file_record *records, size_t n,
                  bool for_consensus);
// Tells the owner that the state has changed.
void member_changed(struct member *member);
// In ms.
uint64_t member_timer(const struct member_log *log);
// After each event: what follows from it.
void member_check(struct member *member);

// member_commits.c
// append() of the commit log.
struct ovsdb_error *member_append(struct commit_log *log, struct changeset *changes, bool durable,
                                  uint64_t *ret_position);
// Takes back what this member has executed as leader and the cluster has not committed.
void member_withdraw(struct member *member);
// Frees what is not committed, when the member is freed.
void member_drop_commits(struct member *member);
// Makes the database of a schema and the whole contents, in place of the present one.
struct ovsdb_error *member_replace(struct member *member, const struct entry_data *data,
                                   struct uuid txn_id);
// The entry, or the snapshot, with this index cannot be applied. Takes over `error`.
void member_fail_apply(struct member *member, uint64_t index, struct ovsdb_error *error);
// A leader that has applied what earlier leaders have appended executes transactions.
void member_lead_if_ready(struct member *member);

// member_snapshots.c
// snapshot(), install() of the consensus: their userdata is the member.
struct member_message member_snapshot(void *userdata);
void member_install(void *userdata, const struct member_message *snapshot);
// Sends the description of the snapshot, and then its contents in parts.
void member_send_snapshot(struct member *member, struct uuid to,
                          const struct member_message *message);
// The contents that are being sent exist no longer. The consensus sends the snapshot again.
void member_end_sendings(struct member *member);
// Serves the database of a snapshot that was installed.
void member_finish_install(struct member *member);
void member_receive_snapshot(struct member *member, const struct wire_snapshot *snapshot);
void member_receive_part(struct member *member, struct uuid from, const struct wire_part *part);

// member_changes.c
// True until the server is a member for the first time: its log does not name it.
bool member_wants_to_join(const struct member *member);
// Repeats the request to join or to leave until it has an effect.
void member_ask(struct member *member);
// True if the members up to the entry with this index have included this server, and no longer do.
bool member_is_removed_by(const struct member *member, const struct log_entry *entry);
// The cluster has removed this server.
void member_has_left(struct member *member);
void member_receive_leave(struct member *member, struct uuid from, struct uuid server);
void member_receive_result(struct member *member, const struct wire_join_result *result);
// Tells a server that was removed, and asks for votes in vain.
void member_refuse_if_removed(struct member *member, struct uuid from,
                              const struct member_message *message);
