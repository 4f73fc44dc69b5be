// SPDX-License-Identifier: Apache-2.0
#include "simulation.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t next_event(const struct simulation *simulation)
{
    uint64_t next = net_deadline(simulation);

    for (size_t i = 0; i < MAX_SERVERS; i++) {
        const struct member *member = &simulation->members[i];

        if (member->consensus) {
            next = MIN(next, consensus_deadline(member->consensus));
            next = member->writes && !member->is_full ? MIN(next, member->writes->due) : next;
        }
    }
    for (size_t i = 0; i < N_CLIENTS; i++) {
        next = MIN(next, simulation->clients[i].next);
    }
    if (simulation->has_faults) {
        next = MIN(next, simulation->next_fault);
        next = MIN(next, simulation->next_change);
    }
    return next;
}

static void member_step(struct member *member)
{
    struct simulation *simulation = member->simulation;
    struct consensus_state state;

    disk_step(member);
    if (!member->consensus) {
        return;
    }
    if (consensus_deadline(member->consensus) <= simulation->now) {
        consensus_timeout(member->consensus, simulation->now);
    }
    consensus_state(member->consensus, &state);
    if (state.failure) {
        if (!member->is_full) {
            fail_msg("%s", state.failure);
        }
        member_crash(member);
    }
}

// Members that have crashed or have a full disk come back after a while.
static void recover(struct simulation *simulation, bool is_certain)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[i];

        if (member->is_full && (is_certain || !chance(simulation, 8))) {
            member->is_full = false;
        }
        if (!member->consensus && !member->is_full &&
            (member->status == SERVER_MEMBER || member->status == SERVER_JOINING) &&
            (is_certain || !chance(simulation, 4))) {
            member_start(member);
        }
    }
}

static void run_until(struct simulation *simulation, uint64_t end)
{
    while (simulation->now < end) {
        uint64_t next = next_event(simulation);

        simulation->now = MIN(end, MAX(next, simulation->now));
        net_deliver(simulation);
        for (size_t i = 0; i < MAX_SERVERS; i++) {
            member_step(&simulation->members[i]);
        }
        for (size_t i = 0; i < N_CLIENTS; i++) {
            if (simulation->clients[i].next <= simulation->now) {
                client_step(simulation, &simulation->clients[i]);
            }
        }
        if (simulation->has_faults && simulation->next_fault <= simulation->now) {
            cause_fault(simulation);
            recover(simulation, false);
            simulation->next_fault = simulation->now + 1 + chance(simulation, 300);
        }
        if (simulation->has_faults && simulation->next_change <= simulation->now) {
            change_members(simulation);
            simulation->next_change = simulation->now + 1 + chance(simulation, 1500);
        }
    }
}

// Repairs everything. Servers that are no members end, so that they do not disturb the others.
static void heal(struct simulation *simulation)
{
    simulation->has_faults = false;
    memset(simulation->is_cut, 0, sizeof(simulation->is_cut));
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[i];

        if (member->status != SERVER_MEMBER && member->consensus && chance(simulation, 2)) {
            member_crash(member);
        }
        member->is_slow = false;
        for (struct disk_write *write = member->writes; write; write = write->next) {
            write->due = simulation->now;
        }
    }
    recover(simulation, true);
}

static size_t count_leaders(const struct simulation *simulation)
{
    size_t n = 0;

    for (size_t i = 0; i < MAX_SERVERS; i++) {
        n += member_is_leader(&simulation->members[i]);
    }
    return n;
}

// True if all members have the same log, which is durable and committed.
static bool members_agree(const struct simulation *simulation)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        const struct member *member = &simulation->members[i];
        struct consensus_state state;

        if (member->status != SERVER_MEMBER) {
            continue;
        }
        consensus_state(member->consensus, &state);
        assert_null(state.failure);
        if (state.last_index != simulation->n_committed ||
            state.commit_index != simulation->n_committed ||
            member->commit_index != simulation->n_committed ||
            contents_last(&member->disk) != simulation->n_committed) {
            return false;
        }
    }
    return true;
}

// For the analysis of a failure.
static void print_members(const struct simulation *simulation)
{
    printf("at %" PRIu64 " ms: committed %" PRIu64 "\n", simulation->now, simulation->n_committed);
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        const struct member *member = &simulation->members[i];
        struct consensus_state state = {0};

        if (member->consensus) {
            consensus_state(member->consensus, &state);
            printf("server %zu: status %d, %s of term %" PRIu64 ", log %" PRIu64 " to %" PRIu64
                   " (durable %" PRIu64 "), snapshot %" PRIu64 ", committed %" PRIu64 " (%" PRIu64
                   "), leader %zu, change %s%s\n",
                   i, member->status, consensus_role_name(state.role), state.term,
                   member->memory.before + 1, state.last_index, contents_last(&member->disk),
                   member->memory.snapshot.index, state.commit_index, member->commit_index,
                   (size_t)state.leader.lo, consensus_phase_name(state.change.phase),
                   state.is_transferring ? ", transferring" : "");
        }
    }
}

static void check_end(const struct simulation *simulation)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        const struct member *member = &simulation->members[i];

        for (uint64_t j = 0; member->status == SERVER_MEMBER && j <= simulation->n_committed; j++) {
            if (simulation->committed[j].index) {
                assert_true(contents_has(&member->disk, &simulation->committed[j]));
            }
        }
    }
    assert_int_equal(count_leaders(simulation), 1);
    assert_true(simulation->n_committed > 10);
}

static struct simulation *simulation_new(unsigned seed)
{
    struct simulation *simulation = NEW(struct simulation);
    size_t n_members = 3 + 2 * (seed % 3);
    struct servers servers = {0};

    simulation->random = seed;
    simulation->next_fault = simulation->next_change = FAULTS_BEGIN;
    simulation->has_clients = true;
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[i];

        member->simulation = simulation;
        member->number = i;
        member->id = (struct uuid){100 + i * 37 % MAX_SERVERS, i};
        snprintf(member->address, sizeof(member->address), "tcp:%zu", i);
        if (i < n_members) {
            servers_add(&servers, member->id, member->address);
        }
    }
    for (size_t i = 0; i < n_members; i++) {
        struct member *member = &simulation->members[i];

        member->status = SERVER_MEMBER;
        member->disk.term = 1;
        member->disk.snapshot =
            (struct member_message){.kind = MESSAGE_SNAPSHOT,
                                    .index = 1,
                                    .index_term = 1,
                                    .servers = keep_servers(simulation, &servers),
                                    .servers_index = 1};
        member->disk.before = 1;
        member_start(member);
    }
    servers_done(&servers);
    return simulation;
}

static void simulation_free(struct simulation *simulation)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[i];

        consensus_free(member->consensus);
        member->consensus = NULL;
        disk_crash(member);
        log_done(&member->memory.log);
        log_done(&member->disk.log);
    }
    net_done(simulation);
    for (size_t i = 0; i < simulation->n_kept_servers; i++) {
        servers_done(simulation->kept_servers[i]);
        free(simulation->kept_servers[i]);
    }
    free(simulation->kept_servers);
    free(simulation);
}

static void report(const struct simulation *simulation, unsigned seed)
{
    printf(
        "seed %u: %u elections, %u crashes, %u transfers, %u snapshots, %u installed, %u added, "
        "%u removed, %u not caught up, %u full disks, %zu operations, %u answers, %u unknown, "
        "%lu entries\n",
        seed, simulation->count.elections, simulation->count.crashes, simulation->count.transfers,
        simulation->count.snapshots, simulation->count.installed, simulation->count.added,
        simulation->count.removed, simulation->count.failed_adds, simulation->count.full_disks,
        simulation->n_operations, simulation->count.answers, simulation->count.unknown,
        (unsigned long)simulation->n_committed);
}

bool simulate(unsigned seed, enum read_kind reads)
{
    struct simulation *simulation = simulation_new(seed);
    bool result;

    simulation->reads = reads;
    run_until(simulation, FAULTS_BEGIN);
    simulation->has_faults = true;
    run_until(simulation, FAULTS_END);
    heal(simulation);
    run_until(simulation, FAULTS_END + 10 * ELECTION_TIMEOUT);
    if (count_leaders(simulation) != 1) {
        print_members(simulation);
        fail_msg("no leader");
    }
    simulation->has_clients = false;
    for (unsigned i = 0; i < 10 && !members_agree(simulation); i++) {
        run_until(simulation, simulation->now + ELECTION_TIMEOUT);
    }
    if (!members_agree(simulation)) {
        print_members(simulation);
        fail_msg("no agreement");
    }
    check_end(simulation);
    result = histories_are_linearizable(simulation);
    if (getenv("VERBOSE")) {
        report(simulation, seed);
    }
    simulation_free(simulation);
    return result;
}
