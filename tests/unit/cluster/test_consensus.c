// SPDX-License-Identifier: Apache-2.0
// Clusters of consensus objects in one process: a network that delays, cuts and breaks connections
// (which loses the messages under way), disks that write late and lose what they have not written
// when a member crashes, elections, transfers, snapshots. Everything follows from a seed. Checked
// at each step:
//
// - an entry that one member has reported as committed is the same at all others, for ever;
// - it is durable on a majority when it is reported;
// - a term has one leader.
//
// Checked at the end, when the network works and all members run: they have one leader and the same
// log, in which all committed entries are.
//
//     test_consensus [FIRST-SEED [N]]
#include "cluster/consensus.h"
#include "cluster/member_log.h"
#include "unit.h"

#include "basic/alloc.h"

#include <stdio.h>

enum {
    MAX_MEMBERS = 7,
    MAX_ENTRIES = 8000,
    MAX_TERMS = 1000,
    QUIET_MS = 20000, // without faults, at the end
};

struct log_copy {
    struct log_entry *entries;
    size_t n;
};

// A write that the disk has not finished: entries, or a snapshot.
struct disk_write {
    uint64_t due;
    struct log_copy entries;
    struct member_message snapshot; // kind MESSAGE_SNAPSHOT, or 0 for entries
    struct disk_write *next;
};

// What the disk holds; in memory also what the member believes.
struct contents {
    uint64_t term;
    struct uuid vote;
    struct member_message snapshot;
    struct log_copy log; // after the snapshot
};

struct member {
    struct simulation *simulation;
    struct uuid id;
    char address[32];
    struct consensus *consensus; // NULL: crashed
    struct contents memory, disk;
    struct disk_write *writes;
    uint64_t commit_index;
};

struct packet {
    uint64_t due;
    size_t from, to;
    struct member_message message;
    struct log_copy entries;
    struct packet *next;
};

struct simulation {
    unsigned random;
    uint64_t now;
    size_t n_members;
    struct member members[MAX_MEMBERS];
    struct servers servers;
    struct packet *packets, **last_packet;       // in the order of sending
    bool is_cut[MAX_MEMBERS][MAX_MEMBERS];       // [from][to]
    uint64_t last_due[MAX_MEMBERS][MAX_MEMBERS]; // [from][to]: messages keep their order
    struct log_entry committed[MAX_ENTRIES];     // by index
    size_t leaders[MAX_TERMS];                   // by term: number of the member + 1
    unsigned n_submitted;
    unsigned n_elections, n_crashes, n_snapshots, n_installed, n_transfers;
};

static unsigned chance(struct simulation *simulation, unsigned n)
{
    simulation->random = simulation->random * 1103515245 + 12345;
    return (simulation->random >> 16) % n;
}

// Copies of logs

static struct log_entry entry_copy(const struct log_entry *entry)
{
    struct log_entry copy = *entry;

    copy.servers = (struct servers){0};
    for (size_t i = 0; i < entry->servers.n; i++) {
        servers_add(&copy.servers, entry->servers.list[i].id, entry->servers.list[i].address);
    }
    copy.data.data = entry->data.size ? xmemdup(entry->data.data, entry->data.size) : NULL;
    return copy;
}

static void entry_done(struct log_entry *entry)
{
    servers_done(&entry->servers);
    free((char *)entry->data.data);
}

static bool entries_equal(const struct log_entry *a, const struct log_entry *b)
{
    return log_entry_equals(a, b) && a->data.size == b->data.size &&
           (!a->data.size || !memcmp(a->data.data, b->data.data, a->data.size));
}

static void log_truncate(struct log_copy *log, size_t n)
{
    while (log->n > n) {
        entry_done(&log->entries[--log->n]);
    }
}

static void log_done(struct log_copy *log)
{
    log_truncate(log, 0);
    free(log->entries);
    *log = (struct log_copy){0};
}

static void log_add(struct log_copy *log, const struct log_entry *entries, size_t n)
{
    log->entries = xreallocarray(log->entries, log->n + n, sizeof(*entries));
    for (size_t i = 0; i < n; i++) {
        log->entries[log->n++] = entry_copy(&entries[i]);
    }
}

// Removes the first `n` entries.
static void log_drop(struct log_copy *log, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        entry_done(&log->entries[i]);
    }
    log->n -= n;
    memmove(log->entries, log->entries + n, log->n * sizeof(*log->entries));
}

// Replaces the entries of `contents` from entries[0].index on.
static void contents_append(struct contents *contents, const struct log_entry *entries, size_t n)
{
    uint64_t before = entries[0].index - 1;

    assert_true(before >= contents->snapshot.index);
    assert_true(before <= contents->snapshot.index + contents->log.n);
    log_truncate(&contents->log, before - contents->snapshot.index);
    log_add(&contents->log, entries, n);
}

static const struct log_entry *contents_entry(const struct contents *contents, uint64_t index)
{
    uint64_t first = contents->snapshot.index + 1;

    return index >= first && index - first < contents->log.n ? &contents->log.entries[index - first]
                                                             : NULL;
}

static uint64_t contents_last(const struct contents *contents)
{
    return contents->snapshot.index + contents->log.n;
}

// True if the entry is there, as such or in the snapshot.
static bool contents_has(const struct contents *contents, const struct log_entry *entry)
{
    const struct log_entry *found = contents_entry(contents, entry->index);

    return found ? entries_equal(found, entry) : entry->index <= contents->snapshot.index;
}

// The functions of a member

static bool save_vote(void *userdata, uint64_t term, struct uuid vote)
{
    struct member *member = userdata;

    assert_true(term >= member->disk.term);
    // One vote in a term.
    assert_true(term > member->disk.term || uuid_is_zero(member->disk.vote) ||
                uuid_equals(vote, member->disk.vote));
    member->disk.term = member->memory.term = term;
    member->disk.vote = member->memory.vote = vote;
    return true;
}

static void write_later(struct member *member, struct disk_write *write)
{
    struct disk_write **end = &member->writes;
    uint64_t after = member->simulation->now;

    while (*end) {
        after = (*end)->due;
        end = &(*end)->next;
    }
    write->due = after + chance(member->simulation, 20);
    *end = write;
}

static void append(void *userdata, const struct log_entry *entries, size_t n)
{
    struct member *member = userdata;
    struct disk_write *write = NEW(struct disk_write);

    assert_true(entries[0].index > member->commit_index);
    contents_append(&member->memory, entries, n);
    log_add(&write->entries, entries, n);
    write_later(member, write);
}

static const struct log_entry *entry(void *userdata, uint64_t index)
{
    struct member *member = userdata;
    const struct log_entry *found = contents_entry(&member->memory, index);

    assert_non_null(found);
    return found;
}

static struct member_message snapshot(void *userdata)
{
    struct member *member = userdata;

    return member->memory.snapshot;
}

static size_t number_of(struct simulation *simulation, struct uuid id)
{
    for (size_t i = 0; i < simulation->n_members; i++) {
        if (uuid_equals(simulation->members[i].id, id)) {
            return i;
        }
    }
    fail_msg("no such member");
    return 0;
}

static void send(void *userdata, struct uuid to, const struct member_message *message)
{
    struct member *member = userdata;
    struct simulation *simulation = member->simulation;
    struct packet *packet = NEW(struct packet);
    uint64_t *last_due;

    packet->from = (size_t)(member - simulation->members);
    packet->to = number_of(simulation, to);
    last_due = &simulation->last_due[packet->from][packet->to];
    packet->due = simulation->now + 1 + chance(simulation, 10) * chance(simulation, 10);
    packet->due = packet->due < *last_due ? *last_due : packet->due;
    *last_due = packet->due;
    packet->message = *message;
    log_add(&packet->entries, message->entries, message->n_entries);
    packet->message.entries = packet->entries.entries;
    packet->message.servers = &simulation->servers;
    *simulation->last_packet = packet;
    simulation->last_packet = &packet->next;
}

static void install(void *userdata, const struct member_message *snapshot)
{
    struct member *member = userdata;
    struct disk_write *write = NEW(struct disk_write);

    write->snapshot = *snapshot;
    write->snapshot.kind = MESSAGE_SNAPSHOT;
    write->snapshot.servers = &member->simulation->servers;
    write_later(member, write);
}

static void role_changed(void *userdata, enum consensus_role role)
{
    struct member *member = userdata;
    struct simulation *simulation = member->simulation;
    size_t number = (size_t)(member - simulation->members) + 1;

    if (role == CONSENSUS_LEADER) {
        size_t *leader = &simulation->leaders[member->disk.term];

        assert_true(member->disk.term < MAX_TERMS);
        assert_true(!*leader || *leader == number);
        *leader = number;
        simulation->n_elections++;
    }
}

static void assert_durable_on_majority(struct simulation *simulation, const struct log_entry *entry)
{
    size_t n = 0;

    for (size_t i = 0; i < simulation->n_members; i++) {
        n += contents_has(&simulation->members[i].disk, entry);
    }
    assert_true(n > simulation->n_members / 2);
}

static void committed(void *userdata, uint64_t index)
{
    struct member *member = userdata;
    struct simulation *simulation = member->simulation;

    assert_true(index > member->commit_index && index < MAX_ENTRIES);
    for (uint64_t i = member->commit_index + 1; i <= index; i++) {
        const struct log_entry *mine = contents_entry(&member->memory, i);
        struct log_entry *known = &simulation->committed[i];

        if (!mine) {
            assert_true(i <= member->memory.snapshot.index);
        } else if (known->index) {
            assert_true(entries_equal(mine, known));
        } else {
            assert_durable_on_majority(simulation, mine);
            *known = entry_copy(mine);
        }
    }
    member->commit_index = index;
}

static const struct consensus_handler handler = {
    .save_vote = save_vote,
    .append = append,
    .entry = entry,
    .snapshot = snapshot,
    .send = send,
    .install = install,
    .role_changed = role_changed,
    .committed = committed,
};

// What happens

static void member_start(struct member *member)
{
    struct simulation *simulation = member->simulation;
    struct consensus_settings settings = {.id = member->id,
                                          .address = member->address,
                                          .seed = chance(simulation, 10000),
                                          .election_timeout = 1000};

    member->memory.term = member->disk.term;
    member->memory.vote = member->disk.vote;
    member->memory.snapshot = member->disk.snapshot;
    log_done(&member->memory.log);
    log_add(&member->memory.log, member->disk.log.entries, member->disk.log.n);
    member->commit_index = member->disk.snapshot.index;
    member->consensus = consensus_new(&settings, &handler, member);
    consensus_start(member->consensus, simulation->now, member->disk.term, member->disk.vote,
                    member->disk.log.n);
}

static void disk_write_free(struct disk_write *write)
{
    log_done(&write->entries);
    free(write);
}

static void finish_write(struct member *member)
{
    struct disk_write *write = member->writes;
    uint64_t now = member->simulation->now;

    member->writes = write->next;
    if (write->snapshot.kind == MESSAGE_SNAPSHOT) {
        member->disk.snapshot = write->snapshot;
        log_truncate(&member->disk.log, 0);
        if (member->consensus) {
            member->memory.snapshot = write->snapshot;
            log_truncate(&member->memory.log, 0);
            member->simulation->n_installed++;
            consensus_installed(member->consensus, now, &write->snapshot);
        }
    } else {
        contents_append(&member->disk, write->entries.entries, write->entries.n);
        if (member->consensus) {
            consensus_persisted(member->consensus, now, 1);
        }
    }
    disk_write_free(write);
}

static void member_crash(struct member *member)
{
    consensus_free(member->consensus);
    member->consensus = NULL;
    // Some of the writes reach the disk.
    while (member->writes && chance(member->simulation, 2)) {
        finish_write(member);
    }
    while (member->writes) {
        struct disk_write *write = member->writes;

        member->writes = write->next;
        disk_write_free(write);
    }
    member->simulation->n_crashes++;
}

static void packet_free(struct packet *packet)
{
    log_done(&packet->entries);
    free(packet);
}

// Takes the packets for which is_wanted() is true, in the order of sending.
static struct packet *take_packets(struct simulation *simulation,
                                   bool (*is_wanted)(const struct simulation *simulation,
                                                     const struct packet *packet))
{
    struct packet *taken = NULL, **last = &taken;

    simulation->last_packet = &simulation->packets;
    for (struct packet *packet = simulation->packets, *next; packet; packet = next) {
        struct packet ***list = is_wanted(simulation, packet) ? &last : &simulation->last_packet;

        next = packet->next;
        packet->next = NULL;
        **list = packet;
        *list = &packet->next;
    }
    *simulation->last_packet = NULL;
    return taken;
}

static bool packet_is_due(const struct simulation *simulation, const struct packet *packet)
{
    return packet->due <= simulation->now;
}

static bool packet_is_cut(const struct simulation *simulation, const struct packet *packet)
{
    return simulation->is_cut[packet->from][packet->to];
}

static void deliver_packets(struct simulation *simulation)
{
    struct packet *due = take_packets(simulation, packet_is_due);

    while (due) {
        struct packet *packet = due;
        struct member *to = &simulation->members[packet->to];

        due = packet->next;
        if (to->consensus && !packet_is_cut(simulation, packet)) {
            consensus_receive(to->consensus, simulation->now, simulation->members[packet->from].id,
                              &packet->message);
        }
        packet_free(packet);
    }
}

// The connections between two members break in both directions.
static void break_connections(struct simulation *simulation, size_t a, size_t b)
{
    bool cut[2] = {simulation->is_cut[a][b], simulation->is_cut[b][a]};
    struct packet *lost;

    simulation->is_cut[a][b] = simulation->is_cut[b][a] = true;
    lost = take_packets(simulation, packet_is_cut);
    while (lost) {
        struct packet *packet = lost;

        lost = packet->next;
        packet_free(packet);
    }
    simulation->is_cut[a][b] = cut[0];
    simulation->is_cut[b][a] = cut[1];
}

static void submit(struct member *member)
{
    struct log_entry entries[3] = {0};
    char texts[3][16];
    size_t n = 1 + chance(member->simulation, 3);

    for (size_t i = 0; i < n; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%u", member->simulation->n_submitted++);
        entries[i].data = slice_of(texts[i]);
        entries[i].eid = (struct uuid){1, member->simulation->n_submitted};
    }
    consensus_submit(member->consensus, member->simulation->now, entries, n);
}

// Replaces the committed part of the log by a snapshot.
static void compact(struct member *member)
{
    const struct log_entry *last = contents_entry(&member->disk, member->commit_index);
    struct member_message *snapshot = &member->disk.snapshot;
    size_t n;

    // The writes under way go to the new file; the old one is not written any more.
    if (!last || member->writes) {
        return;
    }
    snapshot->index_term = last->term;
    n = last->index - snapshot->index;
    log_drop(&member->disk.log, n);
    log_drop(&member->memory.log, n);
    snapshot->index += n;
    member->memory.snapshot = *snapshot;
    member->simulation->n_snapshots++;
    consensus_compacted(member->consensus, member->simulation->now, snapshot->index,
                        snapshot->index_term, 0);
}

static void cause_fault(struct simulation *simulation)
{
    struct member *member =
        &simulation->members[chance(simulation, (unsigned)simulation->n_members)];
    size_t number = (size_t)(member - simulation->members);

    switch (chance(simulation, 8)) {
    case 0:
        if (member->consensus) {
            member_crash(member);
        }
        break;
    case 1: // cut off, in one direction or both
        for (size_t i = 0; i < simulation->n_members; i++) {
            unsigned directions = chance(simulation, 3);

            simulation->is_cut[number][i] = directions != 1;
            simulation->is_cut[i][number] = directions != 2;
        }
        break;
    case 2:
    case 3:
        memset(simulation->is_cut, 0, sizeof(simulation->is_cut));
        break;
    case 4:
        break_connections(simulation, number, chance(simulation, (unsigned)simulation->n_members));
        break;
    case 5:
        if (member->consensus &&
            !consensus_transfer(member->consensus, simulation->now, UUID_ZERO)) {
            simulation->n_transfers++;
        }
        break;
    default:
        if (member->consensus) {
            compact(member);
        }
    }
}

static void tick(struct simulation *simulation, bool has_faults)
{
    simulation->now++;
    deliver_packets(simulation);
    for (size_t i = 0; i < simulation->n_members; i++) {
        struct member *member = &simulation->members[i];

        while (member->writes && member->writes->due <= simulation->now) {
            finish_write(member);
        }
        if (!member->consensus) {
            if (!has_faults || !chance(simulation, 1000)) {
                member_start(member);
            }
            continue;
        }
        if (consensus_deadline(member->consensus) <= simulation->now) {
            consensus_timeout(member->consensus, simulation->now);
        }
        if (simulation->now < QUIET_MS + QUIET_MS / 2 && !chance(simulation, 40)) {
            submit(member); // has an effect on a leader only
        }
    }
    if (has_faults && !chance(simulation, 300)) {
        cause_fault(simulation);
    }
}

static void check_end(struct simulation *simulation)
{
    struct consensus_state state;
    size_t n_leaders = 0;
    uint64_t last = 0;

    for (size_t i = 0; i < simulation->n_members; i++) {
        struct member *member = &simulation->members[i];

        consensus_state(member->consensus, &state);
        assert_null(state.failure);
        n_leaders += state.role == CONSENSUS_LEADER;
        last = i ? last : state.last_index;
        assert_int_equal(state.last_index, last);
        assert_int_equal(state.commit_index, last);
        assert_int_equal(contents_last(&member->disk), last);
        for (uint64_t j = 0; j < MAX_ENTRIES; j++) {
            if (simulation->committed[j].index) {
                assert_true(contents_has(&member->disk, &simulation->committed[j]));
            }
        }
    }
    assert_int_equal(n_leaders, 1);
    assert_true(last > 10);
}

static void simulate(unsigned seed, size_t n_members)
{
    struct simulation *simulation = NEW(struct simulation);

    simulation->random = seed;
    simulation->last_packet = &simulation->packets;
    simulation->n_members = n_members;
    for (size_t i = 0; i < n_members; i++) {
        struct member *member = &simulation->members[i];

        member->simulation = simulation;
        member->id = (struct uuid){100 + i, i};
        snprintf(member->address, sizeof(member->address), "tcp:%zu", i);
        servers_add(&simulation->servers, member->id, member->address);
        member->disk.term = 1;
        member->disk.snapshot = (struct member_message){.kind = MESSAGE_SNAPSHOT,
                                                 .index = 1,
                                                 .index_term = 1,
                                                 .servers = &simulation->servers,
                                                 .servers_index = 1};
    }
    for (size_t i = 0; i < n_members; i++) {
        member_start(&simulation->members[i]);
    }
    while (simulation->now < QUIET_MS) {
        tick(simulation, simulation->now > 3000);
    }
    memset(simulation->is_cut, 0, sizeof(simulation->is_cut));
    while (simulation->now < QUIET_MS * 2) {
        tick(simulation, false);
    }
    check_end(simulation);
    if (getenv("VERBOSE")) {
        printf(
            "seed %u: %zu members, %u elections, %u crashes, %u transfers, %u snapshots, %u "
            "installed, %u submitted\n",
            seed, n_members, simulation->n_elections, simulation->n_crashes,
            simulation->n_transfers, simulation->n_snapshots, simulation->n_installed,
            simulation->n_submitted);
    }
    for (size_t i = 0; i < n_members; i++) {
        member_crash(&simulation->members[i]);
        log_done(&simulation->members[i].memory.log);
        log_done(&simulation->members[i].disk.log);
    }
    while (simulation->packets) {
        struct packet *packet = simulation->packets;

        simulation->packets = packet->next;
        packet_free(packet);
    }
    for (size_t i = 0; i < MAX_ENTRIES; i++) {
        entry_done(&simulation->committed[i]);
    }
    servers_done(&simulation->servers);
    free(simulation);
}

static unsigned first_seed = 1, n_seeds = 6;

static void test_seeds(void **state)
{
    for (unsigned i = 0; i < n_seeds; i++) {
        simulate(first_seed + i, 3 + 2 * ((first_seed + i) % 3));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
    };

    first_seed = argc > 1 ? (unsigned)atoi(argv[1]) : first_seed;
    n_seeds = argc > 2 ? (unsigned)atoi(argv[2]) : n_seeds;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
