// SPDX-License-Identifier: Apache-2.0
// Simulated members of a cluster, each with a database and a disk, for test_member.c. A disk writes
// late, loses what it has not written when its member crashes, and may be full.
#pragma once

#include "../engine/engine_fixture.h"

#include "cluster/member.h"

enum {
    MAX_MEMBERS = 5, // at the start
    MAX_NODES = 8,
    MAX_ENTRIES = 20000,
    FAULTY_MS = 10000,
    QUIET_MS = 5000,     // without faults
    SETTLING_MS = 15000, // without transactions, at the end
};

// A record that was written, and whether it survives a crash.
struct written {
    char *text;
    bool is_header;
};

struct write {
    uint64_t due;
    size_t end; // of the disk's records
};

struct node {
    struct simulation *simulation;
    size_t number;
    struct uuid id;
    char address[48];
    struct member *member; // NULL: crashed
    struct member_log *log;
    struct db *db;
    struct written *disk;
    size_t n_disk, disk_capacity, n_durable;
    struct write *writes; // that are not reported
    size_t n_writes, writes_capacity;
    bool has_full_disk;
    bool is_kicked, is_leaving;
    uint64_t checked_index; // see check_applied()
    bool is_converting;

    // What the observer of the database has seen.
    struct db_observer observer;
    struct uuid *seen;
    size_t n_seen, seen_capacity;
    uint64_t seen_after; // the index that the database showed before
};

struct packet {
    struct list node;
    uint64_t due;
    size_t from, to;
    struct buf text;
};

// A transaction, and what is known of it.
struct transaction {
    struct position_waiter waiter;
    struct simulation *simulation;
    struct uuid id;
    bool is_acknowledged;
    bool is_settled;
};

struct simulation {
    uint64_t now;
    char name[64]; // of the database
    size_t n;
    struct node nodes[MAX_NODES];
    struct list packets; // in the order of sending
    bool is_cut[MAX_NODES][MAX_NODES];
    uint64_t last_due[MAX_NODES][MAX_NODES];
    struct uuid applied[MAX_ENTRIES]; // by index: the transaction id
    struct transaction *transactions[MAX_ENTRIES];
    size_t n_transactions;
    unsigned n_acknowledged, n_lost, n_snapshots, n_installed, n_withdrawn, n_crashes;
    unsigned n_kicked, n_left, n_conversions, n_versions, n_timers;
};

extern uint64_t uuid_state; // the last one that next_uuid() has made
struct node *node_find(struct simulation *simulation, struct uuid id);
// What was seen is the order of the applied entries after `seen_after`, without gaps.
void node_check_seen(const struct node *node);
void node_put(struct node *node, struct buf *text, bool is_header);
void node_truncate(struct node *node, size_t n);
// Writes a new file that begins with this header; `with_entries`: the entries of the log that it
// does not contain follow.
void node_replace_file(struct node *node, const struct file_header *header, uint64_t term,
                       struct uuid vote, bool with_entries);
void node_init(struct simulation *simulation, struct node *node);
void node_start(struct node *node);
void packets_drop(struct simulation *simulation, size_t from, size_t to);
void node_stop(struct node *node);
void node_crash(struct node *node);
