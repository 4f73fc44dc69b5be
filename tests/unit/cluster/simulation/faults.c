// SPDX-License-Identifier: Apache-2.0
#include "simulation.h"

static struct member *any_server(struct simulation *simulation)
{
    return &simulation->members[chance(simulation, MAX_SERVERS)];
}

static struct member *any_running(struct simulation *simulation)
{
    struct member *member = any_server(simulation);

    for (unsigned i = 0; !member->consensus && i < 20; i++) {
        member = any_server(simulation);
    }
    return member;
}

// Replaces the committed part of the log by a snapshot. Some of its entries stay in memory.
void compact(struct member *member)
{
    struct simulation *simulation = member->simulation;
    const struct log_entry *last = contents_entry(&member->disk, member->commit_index);
    uint64_t n_kept = chance(simulation, 3) ? chance(simulation, 40) : 0;
    struct member_message snapshot = {.kind = MESSAGE_SNAPSHOT};

    // The writes under way go to the new file; the old one is not written any more.
    if (!last || member->writes || member->is_full) {
        return;
    }
    snapshot.index = last->index;
    snapshot.index_term = last->term;
    snapshot.servers = keep_servers(
        simulation, contents_servers(&member->memory, last->index, &snapshot.servers_index));
    contents_drop(&member->disk, last->index);
    member->disk.snapshot = member->memory.snapshot = snapshot;
    member->disk.machine = member->memory.machine = member->machine;
    n_kept = MIN(n_kept, snapshot.index - member->memory.before);
    contents_drop(&member->memory, snapshot.index - n_kept);
    simulation->count.snapshots++;
    consensus_compacted(member->consensus, simulation->now, snapshot.index, snapshot.index_term,
                        n_kept);
}

// Cuts a member off, in one direction or both.
static void cut_off(struct simulation *simulation, const struct member *member)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        unsigned directions = chance(simulation, 3);

        simulation->is_cut[member->number][i] = directions != 1;
        simulation->is_cut[i][member->number] = directions != 2;
    }
}

static void cut_in_two(struct simulation *simulation)
{
    bool side[MAX_SERVERS];

    for (size_t i = 0; i < MAX_SERVERS; i++) {
        side[i] = chance(simulation, 2);
        for (size_t j = 0; j < i; j++) {
            simulation->is_cut[i][j] = simulation->is_cut[j][i] = side[i] != side[j];
        }
    }
}

static void transfer(struct member *member)
{
    struct simulation *simulation = member->simulation;
    struct uuid to = chance(simulation, 2) ? any_server(simulation)->id : UUID_ZERO;

    if (!consensus_transfer(member->consensus, simulation->now, to)) {
        simulation->count.transfers++;
    }
}

static struct member *find_leader(struct simulation *simulation)
{
    size_t first = chance(simulation, MAX_SERVERS);

    for (size_t i = 0; i < MAX_SERVERS; i++) {
        struct member *member = &simulation->members[(first + i) % MAX_SERVERS];

        if (member_is_leader(member)) {
            return member;
        }
    }
    return NULL;
}

void cause_fault(struct simulation *simulation)
{
    struct member *member = any_running(simulation), *other = any_running(simulation);
    struct member *leader = find_leader(simulation);

    if (!member->consensus || !other->consensus) {
        return;
    }
    assert_logs_match(member, other);
    member = leader && !chance(simulation, 3) ? leader : member;
    switch (chance(simulation, 12)) {
    case 0:
        member_crash(member);
        break;
    case 1:
        cut_off(simulation, member);
        break;
    case 2:
        cut_in_two(simulation);
        break;
    case 3:
    case 4:
    case 5:
        memset(simulation->is_cut, 0, sizeof(simulation->is_cut));
        break;
    case 6:
        net_break(simulation, member->number, other->number);
        member_lose(other, member->id); // a leader that runs
        break;
    case 7:
        transfer(member);
        break;
    case 8:
        member->is_slow = !member->is_slow;
        break;
    case 9:
        member->is_full = true;
        simulation->count.full_disks++;
        break;
    default:
        compact(member);
    }
}

static size_t count_members(const struct simulation *simulation)
{
    size_t n = 0;

    for (size_t i = 0; i < MAX_SERVERS; i++) {
        n += simulation->members[i].status == SERVER_MEMBER;
    }
    return n;
}

void change_members(struct simulation *simulation)
{
    struct member *leader = find_leader(simulation), *server = any_server(simulation);
    size_t n_members = count_members(simulation);

    if (!leader) {
        return;
    }
    if (server->status < SERVER_MEMBER && n_members < 8) {
        server->status = SERVER_JOINING;
        if (!server->consensus && !server->is_full) {
            member_start(server);
        }
        consensus_add_server(leader->consensus, simulation->now, server->id, server->address);
    } else if ((server->status == SERVER_MEMBER && n_members > 2) ||
               (server->status == SERVER_JOINING && !chance(simulation, 3))) {
        consensus_remove_server(leader->consensus, simulation->now, server->id);
    }
    if (server->status == SERVER_REMOVED && server->consensus && chance(simulation, 2)) {
        member_crash(server);
    }
}
