// SPDX-License-Identifier: Apache-2.0
// Changes of the members, one server at a time, by the leader.
//
// The leader first commits an entry of its own term. Otherwise it could not know that an earlier
// leader's change is not in the log of a majority, and the majorities of two changes might have no
// member in common.
//
// libraft sends the log to a server only if its configuration names it. The leader therefore
// appends an entry with which libraft gets a configuration that has the new server as a spare,
// which does not vote. In the log and on the wire this entry names the members, which do not
// change. Other members do not know of the new server; if leadership is lost, the addition is
// over. A spare that did not become a member has no effect, and the next change removes it from
// libraft's configuration.
//
// libraft keeps the progress of a server by its position in the configuration, and moves it when
// the number of servers changes. So a configuration differs from the former one by one server or by
// its role, or lacks the spares.
#include "cluster/consensus_private.h"

#include "basic/alloc.h"
#include "basic/log.h"

#include <errno.h>

LOG_MODULE(cluster);

static const char *const phase_names[] = {
    [CONSENSUS_CHANGE_NONE] = "none",
    [CONSENSUS_CHANGE_PREPARING] = "preparing",
    [CONSENSUS_CHANGE_CATCHING_UP] = "catching up",
    [CONSENSUS_CHANGE_COMMITTING] = "committing",
};

#define TO(phase) (1u << CONSENSUS_CHANGE_##phase)

static const unsigned allowed_moves[] = {
    [CONSENSUS_CHANGE_NONE] = TO(PREPARING),
    [CONSENSUS_CHANGE_PREPARING] = TO(CATCHING_UP) | TO(COMMITTING) | TO(NONE),
    [CONSENSUS_CHANGE_CATCHING_UP] = TO(COMMITTING) | TO(NONE),
    [CONSENSUS_CHANGE_COMMITTING] = TO(NONE),
};

static_assert(ARRAY_SIZE(phase_names) == CONSENSUS_CHANGE_N_PHASES, "every phase has a name");
static_assert(ARRAY_SIZE(allowed_moves) == CONSENSUS_CHANGE_N_PHASES, "every phase has its moves");

const char *consensus_phase_name(enum consensus_phase phase)
{
    return phase_names[phase];
}

static void change_set_phase(struct consensus *consensus, enum consensus_phase phase)
{
    struct consensus_change *change = &consensus->change;
    char id[UUID_TEXT_SIZE];

    assert(allowed_moves[change->phase] & 1u << phase);
    log_dbg("%s server %s: %s -> %s", change->is_adding ? "adding" : "removing",
            uuid_text(change->server, id), phase_names[change->phase], phase_names[phase]);
    change->phase = phase;
}

static void change_end(struct consensus *consensus, int result)
{
    struct uuid server = consensus->change.server;

    change_set_phase(consensus, CONSENSUS_CHANGE_NONE);
    free(consensus->change.address);
    consensus->change = (struct consensus_change){0};
    if (consensus->handler->change_ended) {
        consensus->handler->change_ended(consensus->userdata, server, result);
    }
}

// The configurations

static const struct raft_server *find_server(const struct consensus *consensus, raft_id id)
{
    const struct raft_configuration *configuration = &consensus->raft.configuration;

    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].id == id) {
            return &configuration->servers[i];
        }
    }
    return NULL;
}

static size_t count_servers(const struct consensus *consensus, int role)
{
    size_t n = 0;

    for (unsigned i = 0; i < consensus->raft.configuration.n; i++) {
        n += consensus->raft.configuration.servers[i].role == role;
    }
    return n;
}

// Appends an entry with a configuration that is libraft's present one without spares, with one
// server added to the end, given another role (`role`), or removed (`role` -1). `id` 0: none.
static void propose_configuration(struct consensus *consensus, uint64_t now, raft_id id, int role)
{
    const struct raft_configuration *present = &consensus->raft.configuration;
    struct raft_configuration configuration;
    struct log_entry entry = {0};

    raft_configuration_init(&configuration);
    for (unsigned i = 0; i < present->n; i++) {
        const struct raft_server *server = &present->servers[i];

        if (server->id != id && server->role == RAFT_VOTER) {
            raft_configuration_add(&configuration, server->id, server->address, RAFT_VOTER);
        }
    }
    if (id && role >= 0) {
        raft_configuration_add(&configuration, id, consensus->change.address, role);
    }
    for (unsigned i = 0; i < configuration.n; i++) {
        if (configuration.servers[i].role == RAFT_VOTER) {
            servers_add(&entry.servers, consensus_id_of(consensus, configuration.servers[i].id),
                        configuration.servers[i].address);
        }
    }
    consensus_propose(consensus, now, &entry, 1, &configuration);
    raft_configuration_close(&configuration);
    servers_done(&entry.servers);
}

// The phases. Each sets the next phase before the event that may end it.

static void prepare(struct consensus *consensus, uint64_t now)
{
    change_set_phase(consensus, CONSENSUS_CHANGE_PREPARING);
    // libraft does not know that an earlier addition was canceled.
    consensus->raft.leader_state.promotee_id = 0;
    consensus->change_index = raft_last_index(&consensus->raft) + 1;
    consensus->change_term = raft_current_term(&consensus->raft);
    if (count_servers(consensus, RAFT_VOTER) < consensus->raft.configuration.n) {
        propose_configuration(consensus, now, 0, 0);
    } else {
        struct log_entry empty = {0};

        consensus_propose(consensus, now, &empty, 1, NULL);
    }
}

static void catch_up(struct consensus *consensus, uint64_t now)
{
    raft_id id = consensus->change.server.hi;
    struct raft_event event = {.time = now, .type = RAFT_CATCH_UP};

    change_set_phase(consensus, CONSENSUS_CHANGE_CATCHING_UP);
    propose_configuration(consensus, now, id, RAFT_SPARE);
    // The entry may have failed, or have been committed with what followed.
    if (consensus->change.phase == CONSENSUS_CHANGE_CATCHING_UP &&
        consensus_role_now(consensus) == CONSENSUS_LEADER && find_server(consensus, id)) {
        event.catch_up.server_id = id;
        consensus_step(consensus, &event, NULL, 0);
    }
}

static void commit(struct consensus *consensus, uint64_t now)
{
    change_set_phase(consensus, CONSENSUS_CHANGE_COMMITTING);
    consensus->change_index = raft_last_index(&consensus->raft) + 1;
    consensus->change_term = raft_current_term(&consensus->raft);
    propose_configuration(consensus, now, consensus->change.server.hi,
                          consensus->change.is_adding ? RAFT_VOTER : -1);
}

static void check_catch_up(struct consensus *consensus, uint64_t now)
{
    int status = RAFT_CATCH_UP_NONE;

    if (raft_catch_up(&consensus->raft, consensus->change.server.hi, &status)) {
        return;
    }
    if (status == RAFT_CATCH_UP_ABORTED) {
        change_end(consensus, -ETIMEDOUT);
    } else if (status == RAFT_CATCH_UP_FINISHED && consensus_accepts_entries(consensus) &&
               !consensus->raft.configuration_uncommitted_index) {
        commit(consensus, now);
    }
}

// True if the entry of this phase is committed. If leadership was lost at this event, another entry
// may have replaced it.
static bool change_is_committed(const struct consensus *consensus)
{
    uint64_t index = consensus->change_index;

    if (index > consensus->commit_index || consensus_role_now(consensus) == CONSENSUS_LEADER) {
        return index <= consensus->commit_index;
    }
    return consensus->change.phase == CONSENSUS_CHANGE_COMMITTING &&
           consensus->handler->entry(consensus->userdata, index)->term == consensus->change_term;
}

void membership_advance(struct consensus *consensus, uint64_t now)
{
    struct consensus_change *change = &consensus->change;
    bool is_committed = change->phase && change_is_committed(consensus);

    if (change->phase == CONSENSUS_CHANGE_NONE) {
        return;
    }
    if (change->phase == CONSENSUS_CHANGE_COMMITTING && is_committed) {
        change_end(consensus, 0);
    } else if (consensus_role_now(consensus) != CONSENSUS_LEADER) {
        change_end(consensus, -ENOTCONN);
    } else if (change->phase == CONSENSUS_CHANGE_CATCHING_UP) {
        check_catch_up(consensus, now);
    } else if (change->phase == CONSENSUS_CHANGE_PREPARING && is_committed &&
               !consensus->raft.configuration_uncommitted_index &&
               consensus_accepts_entries(consensus)) {
        (change->is_adding ? catch_up : commit)(consensus, now);
    }
}

// The requests

static bool conflicts(const struct consensus *consensus, struct uuid id, const char *address)
{
    for (unsigned i = 0; i < consensus->raft.configuration.n; i++) {
        const struct raft_server *server = &consensus->raft.configuration.servers[i];

        if (server->role == RAFT_VOTER &&
            (server->id == id.hi || strcmp(server->address, address) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_member(const struct consensus *consensus, struct uuid id)
{
    const struct raft_server *server = find_server(consensus, id.hi);

    return server && server->role == RAFT_VOTER &&
           uuid_equals(consensus_id_of(consensus, id.hi), id);
}

int consensus_add_server(struct consensus *consensus, uint64_t now, struct uuid id,
                         const char *address)
{
    struct uuid known;

    assert(id.hi && *address);
    if (!consensus_accepts_entries(consensus)) {
        return -ENOTCONN;
    }
    if (is_member(consensus, id)) {
        return -EALREADY;
    }
    known = consensus_id_of(consensus, id.hi);
    if (conflicts(consensus, id, address) || (!uuid_is_zero(known) && !uuid_equals(known, id))) {
        return -EEXIST;
    }
    if (consensus->change.phase || consensus->raft.configuration_uncommitted_index) {
        return -EBUSY;
    }
    servers_add(&consensus->known, id, address);
    consensus->change.is_adding = true;
    consensus->change.server = id;
    consensus->change.address = xstrdup(address);
    prepare(consensus, now);
    return 0;
}

int consensus_remove_server(struct consensus *consensus, uint64_t now, struct uuid id)
{
    struct consensus_change *change = &consensus->change;

    if (!consensus_accepts_entries(consensus)) {
        return -ENOTCONN;
    }
    if (change->is_adding && uuid_equals(change->server, id) &&
        change->phase != CONSENSUS_CHANGE_COMMITTING) {
        change_end(consensus, -ECANCELED);
        return 0;
    }
    if (!is_member(consensus, id)) {
        return -ENOENT;
    }
    if (count_servers(consensus, RAFT_VOTER) == 1) {
        return -EINVAL;
    }
    if (change->phase || consensus->raft.configuration_uncommitted_index) {
        return -EBUSY;
    }
    change->server = id;
    prepare(consensus, now);
    return 0;
}
