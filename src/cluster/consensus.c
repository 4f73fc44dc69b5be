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

// The wait for the election after the connections with the leader have ended, in ms: the least one
// and the random part, so that members seldom begin one at the same time.
enum { LEADER_LOST_WAIT = 50, LEADER_LOST_SPREAD = 100 };
enum { MAX_INFLIGHT = 65536 }; // entries sent to a follower that it has not confirmed

static const char vote_failure[] = "the vote could not be recorded";

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

void consensus_learn(struct consensus *consensus, const struct servers *servers)
{
    for (size_t i = 0; i < servers->n; i++) {
        if (!servers_find(&consensus->known, servers->list[i].id)) {
            servers_add(&consensus->known, servers->list[i].id, servers->list[i].address);
        }
    }
}

// The steps

static void send_snapshot(struct consensus *consensus, struct uuid to)
{
    struct member_message message = consensus->handler->snapshot(consensus->userdata);

    message.kind = MESSAGE_SNAPSHOT;
    message.term = raft_current_term(&consensus->raft);
    consensus->handler->send(consensus->userdata, to, &message);
}

// libraft takes a snapshot with the index 1 for an entry, and sends a server that has nothing an
// append without entries again and again. It gets the snapshot instead, as often as libraft would
// send it.
static void send_first_snapshot(struct consensus *consensus, struct uuid to)
{
    uint64_t wait = consensus->raft.install_snapshot_timeout;

    if (!uuid_equals(to, consensus->first_snapshot_to) ||
        consensus->now >= consensus->first_snapshot_time + wait) {
        consensus->first_snapshot_to = to;
        consensus->first_snapshot_time = consensus->now;
        send_snapshot(consensus, to);
    }
}

static uint64_t *sent_commit(struct consensus *consensus, raft_id to)
{
    uint64_t term = raft_current_term(&consensus->raft);

    if (consensus->sent_commits_term != term) {
        consensus->sent_commits_term = term;
        consensus->n_sent_commits = 0;
    }
    for (size_t i = 0; i < consensus->n_sent_commits; i++) {
        if (consensus->sent_commits[i].to == to) {
            return &consensus->sent_commits[i].index;
        }
    }
    GROW(consensus->sent_commits, consensus->n_sent_commits, consensus->sent_commits_capacity);
    consensus->sent_commits[consensus->n_sent_commits] = (struct sent_commit){.to = to};
    return &consensus->sent_commits[consensus->n_sent_commits++].index;
}

// Remembers a sent commit index, as far as the receiver is known to have the entries.
static void note_sent_commit(struct consensus *consensus, struct uuid to, uint64_t commit_index)
{
    uint64_t *sent = sent_commit(consensus, to.hi);
    uint64_t match = consensus_match_index(consensus, to);

    commit_index = commit_index < match ? commit_index : match;
    *sent = *sent > commit_index ? *sent : commit_index;
}

static void send_append(struct consensus *consensus, struct uuid to,
                        const struct raft_append_entries *append, struct member_message *message)
{
    _cleanup_free_ struct log_entry *entries = NULL;

    if (!append->prev_log_index) {
        send_first_snapshot(consensus, to);
        return;
    }
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
    note_sent_commit(consensus, to, append->leader_commit);
    consensus->handler->send(consensus->userdata, to, message);
}

// Sends a member the commit index, if it has entries of which it does not know yet that they are
// committed. libraft would leave that to the next heartbeat, and the member's clients would wait.
static void send_commit(struct consensus *consensus, struct uuid to)
{
    struct member_message snapshot = consensus->handler->snapshot(consensus->userdata);
    uint64_t match = consensus_match_index(consensus, to);
    struct member_message message = {.kind = MESSAGE_APPEND,
                                     .term = raft_current_term(&consensus->raft),
                                     .index = match,
                                     .index_term = snapshot.index_term,
                                     .commit_index = consensus->commit_index};
    uint64_t due = match < message.commit_index ? match : message.commit_index;

    if (match < snapshot.index || *sent_commit(consensus, to.hi) >= due) {
        return;
    }
    if (match > snapshot.index) {
        message.index_term = consensus->handler->entry(consensus->userdata, match)->term;
    }
    note_sent_commit(consensus, to, message.commit_index);
    consensus->handler->send(consensus->userdata, to, &message);
}

static void send_commits(struct consensus *consensus)
{
    const struct raft_configuration *configuration = &consensus->raft.configuration;

    if (consensus->failure || consensus_role_now(consensus) != CONSENSUS_LEADER) {
        return;
    }
    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].id != consensus->id.hi) {
            send_commit(consensus, consensus_id_of(consensus, configuration->servers[i].id));
        }
    }
}

static void send_message(struct consensus *consensus, struct raft_message *from)
{
    struct uuid to = consensus_id_of(consensus, from->server_id);
    struct member_message message = {0};

    assert(!uuid_is_zero(to));
    if (uuid_equals(to, consensus->id)) {
        return; // the answer to begin_term()
    }
    switch (from->type) {
    case RAFT_APPEND_ENTRIES:
        message.kind = MESSAGE_APPEND;
        message.term = from->append_entries.term;
        send_append(consensus, to, &from->append_entries, &message);
        return;
    case RAFT_INSTALL_SNAPSHOT:
        send_snapshot(consensus, to);
        return;
    default:
        message = raft_form_to_message(from);
        if (message.kind == MESSAGE_APPEND_RESULT && message.rejected) {
            // libraft does not initialize it if it rejects the term.
            message.index = raft_last_index(&consensus->raft);
        }
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

// Frees what libraft hands over with an update that is not carried out.
static void drop_update(struct raft_update *update, const struct log_entry *entries)
{
    if ((update->flags & (RAFT_UPDATE_ENTRIES)) && !entries) {
        raft_free(update->entries.batch[0].buf.base);
    }
    if (update->flags & (RAFT_UPDATE_SNAPSHOT)) {
        raft_configuration_close(&update->snapshot.metadata.configuration);
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
            consensus->failure = vote_failure;
            drop_update(update, entries);
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
    send_commits(consensus);
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
    consensus->now = event->time;
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
    // libraft would wait for the confirmation of every 32 entries.
    raft_set_max_inflight_entries(&consensus->raft, MAX_INFLIGHT);
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
    free(consensus->sent_commits);
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

static bool is_sole_member(const struct consensus *consensus)
{
    const struct raft_configuration *configuration = &consensus->raft.configuration;
    bool result = false;

    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].role == RAFT_VOTER) {
            if (configuration->servers[i].id != consensus->id.hi) {
                return false;
            }
            result = true;
        }
    }
    return result;
}

// libraft makes the only member leader of the present term, without an election. This term may
// have had another leader: a member that was removed, or this one before it crashed and lost
// entries that it had sent to a server which is to join. So this member goes to a new term first:
// by a request for its vote, which it refuses, because the log of the candidate is empty.
static void begin_term(struct consensus *consensus, uint64_t now)
{
    struct member_message request = {
        .kind = MESSAGE_VOTE, .term = raft_current_term(&consensus->raft) + 1, .is_transfer = true};
    struct raft_message raft_message =
        raft_form_from_message(&request, consensus->id, consensus->raft.address);
    struct raft_event event = {.time = now, .type = RAFT_RECEIVE};

    event.receive.message = &raft_message;
    consensus_step(consensus, &event, NULL, 0);
}

// The entries of the log in libraft's form. Sets *servers if an entry changes the members.
static struct raft_entry *load_entries(struct consensus *consensus, uint64_t first, size_t n,
                                       const struct servers **servers)
{
    struct raft_entry *entries = n ? NEW_ARRAY(struct raft_entry, n) : NULL;

    for (size_t i = 0; i < n; i++) {
        const struct log_entry *entry = consensus->handler->entry(consensus->userdata, first + i);

        if (entry->servers.n) {
            consensus_learn(consensus, &entry->servers);
            *servers = &entry->servers;
        }
        entries[i] = raft_form_entry(entry);
    }
    return entries;
}

void consensus_start(struct consensus *consensus, uint64_t now, uint64_t term, struct uuid vote,
                     size_t n_entries)
{
    struct member_message snapshot = consensus->handler->snapshot(consensus->userdata);
    const struct servers *servers = snapshot.servers;
    struct raft_snapshot_metadata metadata;
    struct raft_event event = {.time = now, .type = RAFT_START};

    assert(!consensus->is_started && (snapshot.index || !n_entries));
    consensus->is_started = true;
    consensus->commit_index = snapshot.index;
    if (snapshot.index) {
        consensus_learn(consensus, snapshot.servers);
        metadata = raft_form_metadata(&snapshot);
        event.start.metadata = &metadata; // libraft keeps the configuration
    }
    event.start.start_index = snapshot.index + 1;
    event.start.n_entries = (unsigned)n_entries;
    event.start.entries = load_entries(consensus, snapshot.index + 1, n_entries, &servers);
    event.start.term = term;
    event.start.voted_for = vote.hi;
    if (snapshot.index && servers->n == 1 && uuid_equals(servers->list[0].id, consensus->id)) {
        // libraft makes it leader at once: see begin_term().
        event.start.term++;
        event.start.voted_for = 0;
        if (!consensus->handler->save_vote(consensus->userdata, term + 1, UUID_ZERO)) {
            consensus->failure = vote_failure;
            raft_configuration_close(&metadata.configuration);
        }
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
    if (consensus_role_now(consensus) == CONSENSUS_FOLLOWER && is_sole_member(consensus) &&
        raft_timeout(&consensus->raft) <= now) {
        begin_term(consensus, now);
    }
    if (consensus_role_now(consensus) == CONSENSUS_CANDIDATE &&
        consensus->raft.candidate_state.disrupt_leader) {
        // The leader has asked for one election, which has failed. libraft would go on without
        // pre-votes, and depose each new leader.
        consensus->raft.candidate_state.disrupt_leader = false;
        consensus->raft.candidate_state.in_pre_vote = true;
    }
    consensus_step(consensus, &event, NULL, 0);
}

void consensus_leader_lost(struct consensus *consensus, uint64_t now)
{
    struct raft *raft = &consensus->raft;
    uint64_t timeout = raft->election_timeout;
    uint64_t extra, deadline;

    if (consensus->failure || consensus->is_installing || raft_state(raft) != RAFT_FOLLOWER ||
        raft_role(raft) != RAFT_VOTER || !raft->follower_state.current_leader.id) {
        return;
    }
    // As libraft does it when the term changes.
    raft_free(raft->follower_state.current_leader.address);
    raft->follower_state.current_leader.address = NULL;
    raft->follower_state.current_leader.id = 0;
    // libraft has chosen a timeout from [timeout, 2 * timeout).
    extra =
        (raft->follower_state.randomized_election_timeout - timeout) * LEADER_LOST_SPREAD / timeout;
    deadline = now + LEADER_LOST_WAIT + extra;
    if (deadline < raft_timeout(raft)) {
        raft->election_timer_start = deadline - raft->follower_state.randomized_election_timeout;
    }
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
        .is_vote_unsaved = consensus->failure == vote_failure,
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
