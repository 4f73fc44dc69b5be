// SPDX-License-Identifier: Apache-2.0
// The functions of the members, and the checks of what they report.
#include "simulation.h"

#include <errno.h>

struct member *member_find(struct simulation *simulation, struct uuid id)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        if (uuid_equals(simulation->members[i].id, id)) {
            return &simulation->members[i];
        }
    }
    fail_msg("no such server");
    return NULL;
}

bool member_is_leader(const struct member *member)
{
    struct consensus_state state;

    if (!member->consensus) {
        return false;
    }
    consensus_state(member->consensus, &state);
    return state.role == CONSENSUS_LEADER && !state.failure;
}

static bool save_vote(void *userdata, uint64_t term, struct uuid vote)
{
    struct member *member = userdata;

    if (member->is_full) {
        return false;
    }
    assert_true(term >= member->disk.term);
    // One vote in a term.
    assert_true(term > member->disk.term || uuid_is_zero(member->disk.vote) ||
                uuid_equals(vote, member->disk.vote));
    member->disk.term = member->memory.term = term;
    member->disk.vote = member->memory.vote = vote;
    return true;
}

static void append(void *userdata, const struct log_entry *entries, size_t n)
{
    struct member *member = userdata;
    struct disk_write *write = disk_write_new(member);

    assert_true(entries[0].index > member->commit_index);
    log_add(&write->entries, entries, n);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].servers.n) {
            write->entries.entries[i].servers =
                *keep_servers(member->simulation, &entries[i].servers);
        }
    }
    contents_append(&member->memory, write->entries.entries, n);
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

static void send(void *userdata, struct uuid to, const struct member_message *message)
{
    net_send(userdata, to, message);
}

static void install(void *userdata, const struct member_message *snapshot)
{
    struct member *member = userdata;
    struct disk_write *write = disk_write_new(member);

    assert_true(snapshot->index > member->commit_index);
    write->snapshot = *snapshot;
    write->snapshot.kind = MESSAGE_SNAPSHOT;
    write->snapshot.servers = keep_servers(member->simulation, snapshot->servers);
    write->machine = member->incoming;
}

// The leader has the entries that were committed in earlier terms.
static void assert_complete(const struct member *member)
{
    const struct simulation *simulation = member->simulation;

    for (uint64_t i = simulation->n_committed; i > member->memory.snapshot.index; i--) {
        if (simulation->committed[i].index && simulation->committed[i].term < member->disk.term) {
            assert_true(contents_has(&member->memory, &simulation->committed[i]));
        }
    }
}

static void role_changed(void *userdata, enum consensus_role role)
{
    struct member *member = userdata;
    struct simulation *simulation = member->simulation;

    if (role == CONSENSUS_LEADER) {
        size_t *leader = &simulation->leaders[member->disk.term];

        assert_true(member->disk.term < MAX_TERMS);
        assert_true(!*leader || *leader == member->number + 1);
        *leader = member->number + 1;
        assert_complete(member);
        simulation->count.elections++;
    }
}

void assert_logs_match(const struct member *a, const struct member *b)
{
    uint64_t index = MIN(contents_last(&a->memory), contents_last(&b->memory));
    bool is_equal = false;

    for (;; index--) {
        const struct log_entry *x = contents_entry(&a->memory, index);
        const struct log_entry *y = contents_entry(&b->memory, index);

        if (!x || !y) {
            return;
        }
        is_equal = is_equal || x->term == y->term;
        assert_true(!is_equal || log_entry_equals(x, y));
    }
}

// `member` is the first one that reports the entry, which is the leader.
static void assert_durable_on_majority(struct member *member, const struct log_entry *entry)
{
    uint64_t index;
    const struct servers *servers =
        contents_servers(&member->memory, contents_last(&member->memory), &index);
    size_t n = 0;

    for (size_t i = 0; i < servers->n; i++) {
        n += contents_has(&member_find(member->simulation, servers->list[i].id)->disk, entry);
    }
    assert_true(n > servers->n / 2);
}

static void members_changed(struct simulation *simulation, const struct servers *servers)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[i];
        bool is_member = servers_find(servers, member->id);

        if (is_member != (member->status == SERVER_MEMBER)) {
            assert_true(member->status != SERVER_REMOVED || !is_member);
            if (is_member) {
                member->status = SERVER_MEMBER;
                simulation->count.added++;
            } else if (member->status == SERVER_MEMBER) {
                member->status = SERVER_REMOVED;
                simulation->count.removed++;
            }
        }
    }
}

// An entry of the log is committed.
static void entry_committed(struct member *member, const struct log_entry *mine)
{
    struct simulation *simulation = member->simulation;
    struct log_entry *known = &simulation->committed[mine->index];

    machine_apply(simulation, &member->machine, mine);
    if (known->index) {
        assert_true(log_entry_equals(mine, known));
        assert_int_equal(member->machine.digest, simulation->digests[mine->index]);
    } else {
        assert_durable_on_majority(member, mine);
        *known = *mine;
        simulation->digests[mine->index] = member->machine.digest;
        simulation->n_committed = mine->index;
        if (mine->servers.n) {
            members_changed(simulation, &mine->servers);
        }
    }
    client_entry_applied(member, mine);
}

static void committed(void *userdata, uint64_t index)
{
    struct member *member = userdata;

    assert_true(index > member->commit_index && index < MAX_ENTRIES);
    while (member->commit_index < index) {
        uint64_t next = member->commit_index + 1;

        member->commit_index = next;
        if (next > member->memory.snapshot.index) {
            assert_non_null(contents_entry(&member->memory, next));
            entry_committed(member, contents_entry(&member->memory, next));
        }
    }
    assert_int_equal(member->machine.digest, member->simulation->digests[index]);
}

static void change_ended(void *userdata, struct uuid server, int result)
{
    struct member *member = userdata;
    struct simulation *simulation = member->simulation;

    if (!result) {
        struct consensus_state state;

        consensus_state(member->consensus, &state);
        assert_true(member_find(simulation, server)->status >= SERVER_MEMBER);
        assert_int_equal(state.change.phase, CONSENSUS_CHANGE_NONE);
    } else {
        assert_true(result == -ETIMEDOUT || result == -ENOTCONN || result == -ECANCELED);
        simulation->count.failed_adds += result == -ETIMEDOUT;
    }
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
    .change_ended = change_ended,
};

void member_start(struct member *member)
{
    struct simulation *simulation = member->simulation;
    struct consensus_settings settings = {.id = member->id,
                                          .address = member->address,
                                          .seed = chance(simulation, 10000),
                                          .election_timeout = ELECTION_TIMEOUT};

    member->incarnation++;
    member->last_write = &member->writes;
    member->memory.term = member->disk.term;
    member->memory.vote = member->disk.vote;
    contents_install(&member->memory, &member->disk.snapshot, &member->disk.machine);
    log_add(&member->memory.log, member->disk.log.entries, member->disk.log.n);
    member->commit_index = member->disk.snapshot.index;
    member->machine = member->disk.machine;
    member->consensus = consensus_new(&settings, &handler, member);
    consensus_start(member->consensus, simulation->now, member->disk.term, member->disk.vote,
                    member->disk.log.n);
}

void member_lose(struct member *member, struct uuid other)
{
    struct consensus_state state;

    if (member->consensus) {
        consensus_state(member->consensus, &state);
        if (uuid_equals(state.leader, other)) {
            consensus_leader_lost(member->consensus, member->simulation->now);
        }
    }
}

void member_crash(struct member *member)
{
    consensus_free(member->consensus);
    member->consensus = NULL;
    disk_crash(member);
    member->simulation->count.crashes++;
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        if (chance(member->simulation, 3)) {
            member_lose(&member->simulation->members[i], member->id);
        }
    }
}
