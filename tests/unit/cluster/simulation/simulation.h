// SPDX-License-Identifier: Apache-2.0
// Clusters of consensus objects in one process: a network that delays, cuts and breaks connections
// (which loses the messages under way), disks that are slow or full and lose what they have not
// written when a member crashes, elections, transfers, snapshots, servers that join and leave, and
// clients. Everything follows from a seed. Checked at each step:
//
// - an entry that one member has reported as committed is the same at all others, for ever, and so
//   is the state that results from it;
// - it is durable on a majority when it is reported;
// - a term has one leader, which has all entries that were committed in earlier terms;
// - logs that have an entry of the same index and term are equal up to it.
//
// Checked at the end, when the network works and all members run: within 10 election timeouts they
// have a leader, and within 20 the same log, in which all committed entries are. The histories of
// the clients are linearizable.
#pragma once

#include "unit.h"

#include "../linearizability.h"
#include "basic/alloc.h"
#include "cluster/consensus.h"
#include "cluster/member_log.h"

enum {
    MAX_SERVERS = 12,
    MAX_ENTRIES = 8000,
    MAX_TERMS = 1000,
    MAX_OPERATIONS = 2000,
    N_CLIENTS = 4,
    N_KEYS = 2, // the first is a list, the second a register
    ELECTION_TIMEOUT = 1000,
    FAULTS_BEGIN = 3000,
    FAULTS_END = 15000,
};

struct log_copy {
    struct log_entry *entries;
    size_t n, capacity;
};

// What clients have written. The operation of an entry has the number eid.hi - 1; a client that
// tries again submits a further entry with it, which has no effect.
struct machine {
    uint64_t values[N_KEYS];
    uint64_t applied[MAX_OPERATIONS / 64 + 1]; // bits by number of the operation
    uint64_t digest;                           // of all entries
};

// What the disk holds; in memory also what the member believes.
struct contents {
    uint64_t term;
    struct uuid vote;
    struct member_message snapshot; // index 0: none, the server is to join
    struct machine machine;         // of the snapshot
    uint64_t before; // the index before the log; in memory the log may overlap the snapshot
    struct log_copy log;
};

// A write that the disk has not finished: entries, or a snapshot.
struct disk_write {
    uint64_t due;
    struct log_copy entries;
    struct member_message snapshot; // kind MESSAGE_SNAPSHOT, or 0 for entries
    struct machine machine;
    struct disk_write *next;
};

enum server_status {
    SERVER_UNUSED,
    SERVER_JOINING,
    SERVER_MEMBER,
    SERVER_REMOVED, // may still run
};

struct member {
    struct simulation *simulation;
    size_t number;
    struct uuid id;
    char address[32];
    enum server_status status;
    struct consensus *consensus; // NULL: crashed
    unsigned incarnation;        // the number of starts
    struct contents memory, disk;
    struct disk_write *writes, **last_write;
    bool is_slow, is_full;
    struct machine machine;  // up to commit_index
    struct machine incoming; // of the snapshot whose message is being delivered
    uint64_t commit_index;
};

struct packet {
    uint64_t due, number;
    size_t from, to;
    unsigned epoch; // of the connection
    struct member_message message;
    struct log_copy entries;
    struct machine *machine; // of a snapshot
};

// How the leader answers a read.
enum read_kind {
    READ_LOGGED,    // it is an entry, and its result the state there when it is committed
    READ_AHEAD,     // the state after the whole log, when that is committed
    READ_COMMITTED, // the committed state, at once
};

struct client {
    uint64_t next; // when it does something
    size_t operation;
    bool is_waiting; // for the result of the operation
    unsigned n_attempts;
    size_t server; // to which it talks
    unsigned incarnation;
    uint64_t read_index; // READ_AHEAD: the entry whose state is the result; 0: none
};

struct client_operation {
    struct operation operation;
    size_t key;
    unsigned attempt; // the last one
    size_t client;
};

struct simulation {
    uint64_t random;
    uint64_t now;
    bool has_faults, has_clients;
    enum read_kind reads;
    struct member members[MAX_SERVERS];
    struct servers **kept_servers; // each set that a message or an entry points to
    size_t n_kept_servers, kept_capacity;

    struct packet **packets; // a heap by (due, number)
    size_t n_packets, packets_capacity;
    uint64_t n_sent;
    bool is_cut[MAX_SERVERS][MAX_SERVERS];       // [from][to]
    uint64_t last_due[MAX_SERVERS][MAX_SERVERS]; // [from][to]: messages keep their order
    unsigned epoch[MAX_SERVERS][MAX_SERVERS];

    struct log_entry committed[MAX_ENTRIES]; // by index
    uint64_t digests[MAX_ENTRIES];           // of the state after the entry
    uint64_t n_committed;                    // the highest index
    size_t leaders[MAX_TERMS];               // by term: number of the member + 1

    struct client clients[N_CLIENTS];
    struct client_operation operations[MAX_OPERATIONS];
    size_t n_operations;

    uint64_t next_fault, next_change;
    struct {
        unsigned elections, crashes, transfers, snapshots, installed, added, removed, failed_adds,
            full_disks, answers, unknown;
    } count;
};

// Runs the cluster of a seed. False if a history is not linearizable; every other violation fails
// the test.
bool simulate(unsigned seed, enum read_kind reads);

static inline unsigned chance(struct simulation *simulation, unsigned n)
{
    uint64_t mixed = simulation->random += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (unsigned)((mixed >> 32) % n);
}

// contents.c. The data of an entry is constant and its servers live as long as the simulation, so
// that a copy of the struct is a copy.
const struct servers *keep_servers(struct simulation *simulation, const struct servers *servers);
void log_add(struct log_copy *log, const struct log_entry *entries, size_t n);
void log_done(struct log_copy *log);
// Replaces the entries from entries[0].index on.
void contents_append(struct contents *contents, const struct log_entry *entries, size_t n);
// Removes the entries up to the index.
void contents_drop(struct contents *contents, uint64_t index);
void contents_install(struct contents *contents, const struct member_message *snapshot,
                      const struct machine *machine);
const struct log_entry *contents_entry(const struct contents *contents, uint64_t index);
uint64_t contents_last(const struct contents *contents);
// True if the entry is there, as such or in the snapshot.
bool contents_has(const struct contents *contents, const struct log_entry *entry);
// The members after the entry; *ret_index is that of the entry that set them.
const struct servers *contents_servers(const struct contents *contents, uint64_t index,
                                       uint64_t *ret_index);

// disk.c
struct disk_write *disk_write_new(struct member *member);
void disk_step(struct member *member);
void disk_crash(struct member *member); // some of the writes succeed, the others are lost

// net.c
void net_send(struct member *member, struct uuid to, const struct member_message *message);
void net_deliver(struct simulation *simulation);
uint64_t net_deadline(const struct simulation *simulation);
// The connections between two members break in both directions.
void net_break(struct simulation *simulation, size_t a, size_t b);
void net_done(struct simulation *simulation);

// members.c
struct member *member_find(struct simulation *simulation, struct uuid id);
bool member_is_leader(const struct member *member);
void member_start(struct member *member);
void member_crash(struct member *member);
// Its connections with `other`, which may be the leader, have ended.
void member_lose(struct member *member, struct uuid other);
void assert_logs_match(const struct member *a, const struct member *b);

// faults.c
void cause_fault(struct simulation *simulation);
void change_members(struct simulation *simulation);
void compact(struct member *member);

// clients.c
void client_step(struct simulation *simulation, struct client *client);
// The member has applied an entry that it has, with the state after it.
void client_entry_applied(struct member *member, const struct log_entry *entry);
bool histories_are_linearizable(const struct simulation *simulation);
void machine_apply(struct simulation *simulation, struct machine *machine,
                   const struct log_entry *entry);
