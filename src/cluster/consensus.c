// SPDX-License-Identifier: Apache-2.0
// libraft keeps the state. consensus_step() gives it one event and carries out the update that
// results. Effects that may cause further events (role_changed(), committed()) follow when the
// update is done with, because the next event overwrites it.
//
// libraft names a server by a 64-bit number: the first half of its UUID.
#include "cluster/consensus.h"

#include "basic/alloc.h"
#include "cluster/consensus_private.h"

#include <errno.h>

const char *consensus_role_name(enum consensus_role role)
{
    static const char *const names[] = {"follower", "candidate", "leader"};

    return names[role];
}

struct uuid consensus_id_of(const struct consensus *consensus, raft_id id)
{
    for (size_t i = 0; i < consensus->known.n; i++) {
        if (consensus->known.list[i].id.hi == id) {
            return consensus->known.list[i].id;
        }
    }
    return UUID_ZERO;
}

static void learn_servers(struct consensus *consensus, const struct servers *servers)
{
    for (size_t i = 0; i < servers->n; i++) {
        if (!servers_find(&consensus->known, servers->list[i].id)) {
            servers_add(&consensus->known, servers->list[i].id, servers->list[i].address);
        }
    }
}

// The steps

static void send_append(struct consensus *consensus, struct uuid to,
                        const struct raft_append_entries *append, struct member_message *message)
{
    _cleanup_free_ struct log_entry *entries = NULL;

    message->index = append->prev_log_index;
    message->index_term = append->prev_log_term;
    message->commit_index = append->leader_commit;
    message->n_entries = append->n_entries;
    if (append->n_entries) {
        entries = xcalloc(append->n_entries, sizeof(*entries));
        for (size_t i = 0; i < append->n_entries; i++) {
            // A copy of the struct; what it points to stays the owner's.
            entries[i] =
                *consensus->handler->entry(consensus->userdata, append->prev_log_index + 1 + i);
        }
        message->entries = entries;
    }
    consensus->handler->send(consensus->userdata, to, message);
}

static void send_message(struct consensus *consensus, struct raft_message *from)
{
    struct uuid to = consensus_id_of(consensus, from->server_id);
    struct member_message message = {0};

    assert(!uuid_is_zero(to));
    switch (from->type) {
    case RAFT_APPEND_ENTRIES:
        message.kind = MESSAGE_APPEND;
        message.term = from->append_entries.term;
        send_append(consensus, to, &from->append_entries, &message);
        return;
    case RAFT_INSTALL_SNAPSHOT:
        message = consensus->handler->snapshot(consensus->userdata);
        message.kind = MESSAGE_SNAPSHOT;
        message.term = raft_current_term(&consensus->raft);
        break;
    default:
        message = raft_form_to_message(from);
    }
    consensus->handler->send(consensus->userdata, to, &message);
}

static void install_snapshot(struct consensus *consensus, struct raft_snapshot_metadata *metadata)
{
    struct servers servers = {0};
    struct member_message snapshot = {.kind = MESSAGE_SNAPSHOT,
                                      .index = metadata->index,
                                      .index_term = metadata->term,
                                      .servers = &servers,
                                      .servers_index = metadata->configuration_index};

    for (unsigned i = 0; i < metadata->configuration.n; i++) {
        servers_add(&servers, consensus_id_of(consensus, metadata->configuration.servers[i].id),
                    metadata->configuration.servers[i].address);
    }
    consensus->is_installing = true;
    consensus->handler->install(consensus->userdata, &snapshot);
    servers_done(&servers);
    // libraft has freed the configuration of a snapshot that it does not want.
    raft_configuration_close(&metadata->configuration);
}

static void append_entries(struct consensus *consensus, const struct raft_update *update,
                           const struct log_entry *entries, uint64_t first_index)
{
    const struct raft_entry *first = &update->entries.batch[0];
    uint64_t index = update->entries.index;

    GROW(consensus->pending, consensus->n_pending, consensus->pending_capacity);
    consensus->pending[consensus->n_pending++] =
        (struct pending_append){index, index + update->entries.n - 1};

    if (entries) {
        assert(index >= first_index);
        entries += index - first_index;
        assert(entries[0].term == first->term && entries[0].index == index);
        consensus->handler->append(consensus->userdata, entries, update->entries.n);
    } else {
        // A new leader's empty entry. When it is committed, the entries before it are, too.
        struct log_entry empty = {.term = first->term, .index = index};

        assert(update->entries.n == 1 && first->type == RAFT_BARRIER);
        consensus->handler->append(consensus->userdata, &empty, 1);
        raft_free(first->buf.base);
    }
}

// Carries out what must be done before the next event. `entries` are those of the event, the first
// of which has the index `first_index`.
static void carry_out(struct consensus *consensus, struct raft_update *update,
                      const struct log_entry *entries, uint64_t first_index)
{
    const struct consensus_handler *handler = consensus->handler;

    if (update->flags & (RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR)) {
        if (!handler->save_vote(consensus->userdata, raft_current_term(&consensus->raft),
                                consensus_id_of(consensus, raft_voted_for(&consensus->raft)))) {
            consensus->failure = "the vote could not be recorded";
            return;
        }
    }
    if (update->flags & (RAFT_UPDATE_ENTRIES)) {
        append_entries(consensus, update, entries, first_index);
    }
    if (update->flags & (RAFT_UPDATE_SNAPSHOT)) {
        install_snapshot(consensus, &update->snapshot.metadata);
    }
    if (update->flags & (RAFT_UPDATE_MESSAGES)) {
        for (unsigned i = 0; i < update->messages.n; i++) {
            send_message(consensus, &update->messages.batch[i]);
        }
    }
}

enum consensus_role consensus_role_now(const struct consensus *consensus)
{
    switch (raft_state((struct raft *)&consensus->raft)) {
    case RAFT_LEADER:
        return CONSENSUS_LEADER;
    case RAFT_CANDIDATE:
        return CONSENSUS_CANDIDATE;
    default:
        return CONSENSUS_FOLLOWER;
    }
}

bool consensus_accepts_entries(const struct consensus *consensus)
{
    return !consensus->failure && consensus_role_now(consensus) == CONSENSUS_LEADER &&
           !raft_transferee(&consensus->raft);
}

// Tells libraft that the change of the members in progress is committed. At a leader that adds a
// server, the configuration has this server besides those of the entry (membership.c).
static void apply_configuration(struct consensus *consensus, uint64_t now)
{
    struct raft_event event = {.time = now, .type = RAFT_CONFIGURATION};

    event.configuration.index = consensus->raft.configuration_uncommitted_index;
    raft_form_copy(&event.configuration.conf, &consensus->raft.configuration); // libraft keeps it
    consensus_step(consensus, &event, NULL, 0);
}

static void report_changes(struct consensus *consensus, uint64_t now)
{
    uint64_t commit_index = raft_commit_index(&consensus->raft);
    enum consensus_role role = consensus_role_now(consensus);
    uint64_t change_index;

    if (role != consensus->role) {
        consensus->role = role;
        consensus->handler->role_changed(consensus->userdata, role);
    }
    // libraft counts a snapshot as committed that is still being installed.
    if (commit_index > consensus->commit_index && !consensus->is_installing) {
        consensus->commit_index = commit_index;
        consensus->handler->committed(consensus->userdata, commit_index);
        change_index = consensus->raft.configuration_uncommitted_index;
        if (change_index && change_index <= consensus->commit_index) {
            apply_configuration(consensus, now);
        }
    }
    membership_advance(consensus, now);
}

void consensus_step(struct consensus *consensus, struct raft_event *event,
                    const struct log_entry *entries, uint64_t first_index)
{
    struct raft_update update = {0};
    int error;

    assert(!consensus->is_stepping);
    if (consensus->failure) {
        return;
    }
    error = raft_step(&consensus->raft, event, &update);
    if (error) {
        consensus->failure = raft_strerror(error);
        return;
    }
    consensus->is_stepping = true;
    carry_out(consensus, &update, entries, first_index);
    consensus->is_stepping = false;
    if (!consensus->failure) {
        report_changes(consensus, event->time);
    }
}

// The memory of libraft

static void *heap_malloc(void *data, size_t size)
{
    return xmalloc(size);
}

static void heap_free(void *data, void *p)
{
    free(p);
}

static void *heap_calloc(void *data, size_t n, size_t size)
{
    return xcalloc(n, size);
}

static void *heap_realloc(void *data, void *p, size_t size)
{
    return xrealloc(p, size);
}

static void *heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

static void heap_aligned_free(void *data, size_t alignment, void *p)
{
    free(p);
}

// Ends the process when memory runs out, so that no function of libraft fails for this reason.
static struct raft_heap raft_memory = {
    .malloc = heap_malloc,
    .free = heap_free,
    .calloc = heap_calloc,
    .realloc = heap_realloc,
    .aligned_alloc = heap_aligned_alloc,
    .aligned_free = heap_aligned_free,
};

// The events

struct consensus *consensus_new(const struct consensus_settings *settings,
                                const struct consensus_handler *handler, void *userdata)
{
    struct consensus *consensus = NEW(struct consensus);
    int error;

    assert(settings->id.hi);
    raft_heap_set(&raft_memory);
    error = raft_init(&consensus->raft, NULL, NULL, settings->id.hi, settings->address);
    assert(!error);
    consensus->id = settings->id;
    consensus->handler = handler;
    consensus->userdata = userdata;
    servers_add(&consensus->known, settings->id, settings->address);
    raft_seed(&consensus->raft, settings->seed);
    raft_set_pre_vote(&consensus->raft, true);
    consensus_set_election_timeout(consensus, settings->election_timeout);
    return consensus;
}

void consensus_free(struct consensus *consensus)
{
    if (!consensus) {
        return;
    }
    assert(!consensus->is_stepping);
    raft_close(&consensus->raft, NULL);
    servers_done(&consensus->known);
    free(consensus->change.address);
    free(consensus->pending);
    free(consensus);
}

void consensus_set_election_timeout(struct consensus *consensus, unsigned ms)
{
    raft_set_election_timeout(&consensus->raft, ms);
    raft_set_heartbeat_timeout(&consensus->raft, ms / 3 ? ms / 3 : 1);
    // A snapshot is offered again, because the message may have got lost.
    raft_set_install_snapshot_timeout(&consensus->raft, ms * 5);
    raft_set_max_catch_up_round_duration(&consensus->raft, ms * CATCH_UP_TIMEOUTS);
}

void consensus_start(struct consensus *consensus, uint64_t now, uint64_t term, struct uuid vote,
                     size_t n_entries)
{
    struct member_message snapshot = consensus->handler->snapshot(consensus->userdata);
    struct raft_snapshot_metadata metadata;
    struct raft_event event = {.time = now, .type = RAFT_START};
    uint64_t first = snapshot.index + 1;

    assert(!consensus->is_started && (snapshot.index || !n_entries));
    consensus->is_started = true;
    consensus->commit_index = snapshot.index;
    event.start.term = term;
    event.start.voted_for = vote.hi;
    if (snapshot.index) {
        learn_servers(consensus, snapshot.servers);
        metadata = raft_form_metadata(&snapshot);
        event.start.metadata = &metadata; // libraft keeps the configuration
    }
    event.start.start_index = first;
    event.start.n_entries = (unsigned)n_entries;
    event.start.entries = n_entries ? NEW_ARRAY(struct raft_entry, n_entries) : NULL;
    for (size_t i = 0; i < n_entries; i++) {
        const struct log_entry *entry = consensus->handler->entry(consensus->userdata, first + i);

        learn_servers(consensus, &entry->servers);
        event.start.entries[i] = raft_form_entry(entry);
    }
    consensus_step(consensus, &event, NULL, 0);
    raft_form_entries_free(event.start.entries, n_entries);
}

uint64_t consensus_deadline(const struct consensus *consensus)
{
    uint64_t deadline = raft_timeout(&consensus->raft);

    // libraft wants a heartbeat for a spare, too, but does not send it one.
    return deadline > consensus->last_timeout
               ? deadline
               : consensus->last_timeout + consensus->raft.heartbeat_timeout / 4 + 1;
}

void consensus_timeout(struct consensus *consensus, uint64_t now)
{
    struct raft_event event = {.time = now, .type = RAFT_TIMEOUT};

    consensus->last_timeout = now;
    consensus_step(consensus, &event, NULL, 0);
}

// Removes from an append what our snapshot contains, which is committed and therefore the same in
// the leader's log. libraft would reject the append, because it does not know the terms of these
// entries any more, and the leader would conclude that they differ.
static struct member_message append_after_snapshot(struct consensus *consensus,
                                                   const struct member_message *message)
{
    struct member_message snapshot = consensus->handler->snapshot(consensus->userdata);
    struct member_message result = *message;

    if (message->index < snapshot.index) {
        size_t n = snapshot.index - message->index;

        n = n < message->n_entries ? n : message->n_entries;
        result.index = snapshot.index;
        result.index_term = snapshot.index_term;
        result.entries += n;
        result.n_entries -= n;
    }
    return result;
}

static void receive_append(struct consensus *consensus, struct raft_event *event,
                           const struct member_message *received)
{
    struct raft_append_entries *append = &event->receive.message->append_entries;
    struct member_message copy = append_after_snapshot(consensus, received);
    const struct member_message *message = &copy;

    append->version = RAFT_FORM_VERSION;
    append->term = message->term;
    append->prev_log_index = message->index;
    append->prev_log_term = message->index_term;
    append->leader_commit = message->commit_index;
    append->n_entries = (unsigned)message->n_entries;
    append->entries = raft_form_entries(message->entries, message->n_entries);
    for (size_t i = 0; i < message->n_entries; i++) {
        learn_servers(consensus, &message->entries[i].servers);
    }
    consensus_step(consensus, event, message->entries, message->index + 1);
    raft_form_entries_free(append->entries, message->n_entries);
}

static void receive_snapshot(struct consensus *consensus, struct raft_event *event,
                             const struct member_message *message)
{
    struct raft_install_snapshot *snapshot = &event->receive.message->install_snapshot;

    snapshot->version = RAFT_FORM_VERSION;
    snapshot->term = message->term;
    snapshot->last_index = message->index;
    snapshot->last_term = message->index_term;
    snapshot->conf_index = message->servers_index;
    learn_servers(consensus, message->servers);
    raft_form_configuration(&snapshot->conf, message->servers);
    consensus_step(consensus, event, NULL, 0);
}

void consensus_receive(struct consensus *consensus, uint64_t now, struct uuid from,
                       const struct member_message *message)
{
    struct raft_message raft_message = {.server_id = from.hi};
    struct raft_event event = {.time = now, .type = RAFT_RECEIVE};
    const struct cluster_server *sender = servers_find(&consensus->known, from);

    event.receive.message = &raft_message;
    if (!sender) {
        if (!from.hi || !uuid_is_zero(consensus_id_of(consensus, from.hi))) {
            return; // libraft could not tell it from another server
        }
        // A member since an entry that this one does not have yet. Its address is in that entry.
        servers_add(&consensus->known, from, "unknown");
        sender = servers_find(&consensus->known, from);
    }
    raft_message.server_address = sender->address;
    switch (message->kind) {
    case MESSAGE_APPEND:
        raft_message.type = RAFT_APPEND_ENTRIES;
        receive_append(consensus, &event, message);
        return;
    case MESSAGE_SNAPSHOT:
        raft_message.type = RAFT_INSTALL_SNAPSHOT;
        receive_snapshot(consensus, &event, message);
        return;
    default:
        raft_message = raft_form_from_message(message, from, sender->address);
    }
    consensus_step(consensus, &event, NULL, 0);
}

void consensus_persisted(struct consensus *consensus, uint64_t now, size_t n)
{
    struct raft_event event = {.time = now, .type = RAFT_PERSISTED_ENTRIES};
    uint64_t index;

    assert(n && n <= consensus->n_pending);
    index = consensus->pending[n - 1].last;
    consensus->n_pending -= n;
    memmove(consensus->pending, consensus->pending + n,
            consensus->n_pending * sizeof(*consensus->pending));
    // Of entries that a later call replaces, those on the disk are no longer in the log.
    for (size_t i = 0; i < consensus->n_pending; i++) {
        index = index < consensus->pending[i].first ? index : consensus->pending[i].first - 1;
    }
    if (index > consensus->raft.last_stored) {
        event.persisted_entries.index = index;
        consensus_step(consensus, &event, NULL, 0);
    }
}

void consensus_installed(struct consensus *consensus, uint64_t now,
                         const struct member_message *snapshot)
{
    struct raft_event event = {.time = now, .type = RAFT_PERSISTED_SNAPSHOT};

    assert(consensus->is_installing);
    consensus->is_installing = false;
    event.persisted_snapshot.metadata = raft_form_metadata(snapshot);
    event.persisted_snapshot.last = true;
    consensus_step(consensus, &event, NULL, 0);
}

void consensus_compacted(struct consensus *consensus, uint64_t now, uint64_t index,
                         uint64_t index_term, size_t n_kept)
{
    struct raft_event event = {.time = now, .type = RAFT_SNAPSHOT};

    event.snapshot.metadata.index = index;
    event.snapshot.metadata.term = index_term;
    event.snapshot.trailing = (unsigned)n_kept;
    consensus_step(consensus, &event, NULL, 0);
}

void consensus_propose(struct consensus *consensus, uint64_t now, struct log_entry *entries,
                       size_t n, const struct raft_configuration *configuration)
{
    struct raft_event event = {.time = now, .type = RAFT_SUBMIT};
    uint64_t first = raft_last_index(&consensus->raft) + 1;

    assert(n && consensus_role_now(consensus) == CONSENSUS_LEADER);
    for (size_t i = 0; i < n; i++) {
        entries[i].term = raft_current_term(&consensus->raft);
        entries[i].index = first + i;
    }
    event.submit.entries = raft_form_entries(entries, n);
    event.submit.n = (unsigned)n;
    if (configuration) {
        assert(n == 1 && entries[0].servers.n);
        raft_form_entries_free(event.submit.entries, n);
        event.submit.entries = NEW(struct raft_entry);
        event.submit.entries[0] = raft_form_change(entries[0].term, configuration);
    }
    consensus_step(consensus, &event, entries, first);
    raft_form_entries_free(event.submit.entries, n);
}

int consensus_submit(struct consensus *consensus, uint64_t now, struct log_entry *entries, size_t n)
{
    if (!consensus_accepts_entries(consensus)) {
        return -ENOTCONN;
    }
    for (size_t i = 0; i < n; i++) {
        assert(!entries[i].servers.n);
    }
    consensus_propose(consensus, now, entries, n, NULL);
    return 0;
}

int consensus_transfer(struct consensus *consensus, uint64_t now, struct uuid to)
{
    struct raft_event event = {.time = now, .type = RAFT_TRANSFER};
    uint64_t best = 0;

    if (consensus->failure || consensus_role_now(consensus) != CONSENSUS_LEADER) {
        return -ENOTCONN;
    }
    if (raft_transferee(&consensus->raft)) {
        return -EALREADY;
    }
    for (unsigned i = 0; i < consensus->raft.configuration.n; i++) {
        const struct raft_server *server = &consensus->raft.configuration.servers[i];
        raft_index match;

        if (server->role == RAFT_VOTER && server->id != consensus->id.hi &&
            (uuid_is_zero(to) || server->id == to.hi) &&
            !raft_match_index(&consensus->raft, server->id, &match) && match >= best) {
            event.transfer.server_id = server->id;
            best = match;
        }
    }
    if (!event.transfer.server_id) {
        return -ENOENT;
    }
    consensus_step(consensus, &event, NULL, 0);
    return 0;
}

void consensus_state(const struct consensus *consensus, struct consensus_state *ret)
{
    struct raft *raft = (struct raft *)&consensus->raft;
    const char *address;
    raft_id leader;

    raft_leader(raft, &leader, &address);
    *ret = (struct consensus_state){
        .role = consensus_role_now(consensus),
        .failure = consensus->failure,
        .term = raft_current_term(raft),
        .vote = consensus_id_of(consensus, raft_voted_for(raft)),
        .leader = consensus_id_of(consensus, leader),
        .last_index = raft_last_index(raft),
        .persisted_index = raft->last_stored,
        .commit_index = raft_commit_index(raft),
        .is_transferring =
            consensus_role_now(consensus) == CONSENSUS_LEADER && raft_transferee(raft),
        .change = consensus->change,
    };
}

uint64_t consensus_match_index(const struct consensus *consensus, struct uuid member)
{
    raft_index match;

    if (consensus_role_now(consensus) != CONSENSUS_LEADER ||
        raft_match_index(&consensus->raft, member.hi, &match)) {
        return 0;
    }
    return match;
}
