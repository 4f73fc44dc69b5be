// SPDX-License-Identifier: Apache-2.0
//     JOINING --snapshot--> FOLLOWING --elected--> CATCHING_UP --applied all--> LEADING
//                              ^                        |                       |  ^
//                              +------- deposed --------+-----------------------+  |
//                              |                                                v  | not taken over
//                              +------------------------------------------- HANDING_OVER
#include "cluster/member_private.h"

#include "basic/alloc.h"
#include "basic/log.h"

#include <string.h>

LOG_MODULE(cluster);

#define DEFAULT_TIMER 1000 // ms
#define RESTART_AFTER 1000 // ms, when the disk is full

static const char *const state_names[] = {
    [MEMBER_JOINING] = "joining",
    [MEMBER_FOLLOWING] = "following",
    [MEMBER_CATCHING_UP] = "catching up",
    [MEMBER_LEADING] = "leading",
    [MEMBER_HANDING_OVER] = "handing over",
    [MEMBER_LEFT] = "left",
    [MEMBER_FAILED] = "failed",
};
static_assert(ARRAY_SIZE(state_names) == MEMBER_N_STATES, "each state has a name");

const char *member_state_name(enum member_state state)
{
    assert(state < MEMBER_N_STATES);
    return state_names[state];
}

void member_set_state(struct member *member, enum member_state state)
{
#define TO(state) (1u << MEMBER_##state)
    static const unsigned moves[] = {
        [MEMBER_JOINING] = TO(FOLLOWING) | TO(FAILED),
        [MEMBER_FOLLOWING] = TO(CATCHING_UP) | TO(LEFT) | TO(FAILED),
        [MEMBER_CATCHING_UP] = TO(LEADING) | TO(FOLLOWING) | TO(FAILED),
        [MEMBER_LEADING] = TO(HANDING_OVER) | TO(FOLLOWING) | TO(FAILED),
        [MEMBER_HANDING_OVER] = TO(LEADING) | TO(FOLLOWING) | TO(FAILED),
        [MEMBER_LEFT] = 0,
        [MEMBER_FAILED] = 0,
    };
#undef TO

    assert(moves[member->state] & 1u << state);
    log_dbg("member: %s -> %s", state_names[member->state], state_names[state]);
    member->state = state;
}

const struct member_log *member_log(const struct member *member)
{
    return member->handler->log(member->userdata);
}

bool member_leads(const struct member *member)
{
    return member->state == MEMBER_CATCHING_UP || member->state == MEMBER_LEADING ||
           member->state == MEMBER_HANDING_OVER;
}

bool member_is_over(const struct member *member)
{
    return member->state == MEMBER_LEFT || member->state == MEMBER_FAILED;
}

// Writes records which need not be durable before the next ones, or for which the consensus waits.
void member_write(struct member *member, const struct file_record *records, size_t n,
                  bool for_consensus)
{
    GROW(member->writes, member->n_writes, member->writes_capacity);
    member->writes[member->n_writes++] = for_consensus;
    member->handler->write(member->userdata, records, n);
}

void member_changed(struct member *member)
{
    member->handler->changed(member->userdata);
}

void member_fail(struct member *member, const char *reason)
{
    if (!member_is_over(member)) {
        free(member->failure);
        member->failure = xstrdup(reason);
        log_err("the member of the cluster has failed: %s", reason);
        member_set_state(member, MEMBER_FAILED);
        member_withdraw(member);
        member_changed(member);
    }
}

// Stops the consensus, which needs what could not be written, until there is space on the disk.
// What is still to be written is not reported to it.
static void suspend(struct member *member, const char *what)
{
    log_err("%s cannot be written: this member waits until it can", what);
    member->restart_at = member->now + RESTART_AFTER;
    for (size_t i = 0; i < member->n_writes; i++) {
        member->writes[i] = false;
    }
    if (member_leads(member)) {
        member_set_state(member, MEMBER_FOLLOWING);
        member_withdraw(member);
    }
    member->status.leader = UUID_ZERO;
    member->leader_lost = member->now;
    member_changed(member);
}

// The consensus

static bool on_save_vote(void *userdata, uint64_t term, struct uuid vote)
{
    struct member *member = userdata;
    const struct file_record record = {
        .kind = uuid_is_zero(vote) ? FILE_RECORD_TERM : FILE_RECORD_VOTE,
        .term = term,
        .server = vote,
    };

    // A server that is to join has no vote, and its file no room for a term.
    return member->state == MEMBER_JOINING ||
           member->handler->write_synced(member->userdata, &record, 1);
}

static void on_consensus_append(void *userdata, const struct log_entry *entries, size_t n)
{
    struct member *member = userdata;
    _cleanup_free_ struct file_record *records = xcalloc(n, sizeof(*records));

    for (size_t i = 0; i < n; i++) {
        records[i].kind = FILE_RECORD_ENTRY;
        records[i].entry = entries[i];
    }
    member_write(member, records, n, true);
}

static const struct log_entry *on_entry(void *userdata, uint64_t index)
{
    return member_log_entry(member_log(userdata), index);
}

static void on_send(void *userdata, struct uuid to, const struct member_message *message)
{
    struct member *member = userdata;
    const struct wire_message wire = {.kind = WIRE_RAFT, .raft = *message};

    if (message->kind == MESSAGE_SNAPSHOT) {
        member_send_snapshot(member, to, message);
    } else {
        member->handler->send(member->userdata, to, &wire);
    }
}

static void on_role_changed(void *userdata, enum consensus_role role)
{
    struct member *member = userdata;
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (member_is_over(member)) {
        return;
    }
    if (role == CONSENSUS_CANDIDATE) {
        member->status.n_elections++;
        member->status.election_started = member->now;
        member->status.election_won = 0;
    }
    if (role == CONSENSUS_LEADER) {
        const struct file_record record = {.kind = FILE_RECORD_LEADER,
                                           .term = state.term,
                                           .server = member_log(member)->header.server_id};

        member->status.election_won = member->now;
        member_write(member, &record, 1, false);
        member->elected_index = state.last_index;
        member_set_state(member, MEMBER_CATCHING_UP);
        member_lead_if_ready(member);
    } else if (member_leads(member)) {
        member_set_state(member, MEMBER_FOLLOWING);
        member_withdraw(member);
    }
    member_changed(member);
}

static void on_committed(void *userdata, uint64_t index)
{
    struct member *member = userdata;

    // After a start, consensus finds out again what the file says.
    member->commit_index = MAX(member->commit_index, index);
    if (!member->has_installed) {
        member_run(member, member->now);
    }
}

// Life

static const struct consensus_handler consensus_handler = {
    .save_vote = on_save_vote,
    .append = on_consensus_append,
    .entry = on_entry,
    .snapshot = member_snapshot,
    .send = on_send,
    .install = member_install,
    .role_changed = on_role_changed,
    .committed = on_committed,
};

uint64_t member_timer(const struct member_log *log)
{
    uint64_t ms = member_log_election_timer(log);

    return ms ? ms : DEFAULT_TIMER;
}

static struct consensus *new_consensus(struct member *member)
{
    const struct member_log *log = member_log(member);
    const struct consensus_settings settings = {
        .id = log->header.server_id,
        .address = log->header.local_address,
        .seed = member->seed,
        .election_timeout = (unsigned)member_timer(log),
    };

    return consensus_new(&settings, &consensus_handler, member);
}

struct member *member_new(const struct member_settings *settings,
                          const struct member_handler *handler, void *userdata, struct db *db,
                          uint64_t index)
{
    struct member *member = NEW(struct member);
    const struct member_log *log = handler->log(userdata);

    member->handler = handler;
    member->userdata = userdata;
    member->new_uuid = settings->new_uuid;
    member->seed = settings->seed;
    member->commit_log.append = member_append;
    positions_init(&member->commit_log.positions);
    member->db = db;
    member->cluster_id = log->header.cluster_id;
    list_init(&member->sendings);
    member->committed = changeset_ref(db_tail(db));
    member->applied_index = index;
    member->commit_index = index;
    member->recorded_commit_index = index;
    member->state = file_header_is_member(&log->header) ? MEMBER_FOLLOWING : MEMBER_JOINING;
    member->consensus = new_consensus(member);
    return member;
}

void member_free(struct member *member)
{
    if (!member) {
        return;
    }
    member_drop_commits(member);
    consensus_free(member->consensus);
    positions_done(&member->commit_log.positions);
    servers_done(&member->incoming_servers);
    snapshot_assembly_done(&member->assembly);
    member_end_sendings(member);
    free(member->writes);
    free(member->failure);
    free(member);
}

// After each event: what follows from it.
void member_check(struct member *member)
{
    struct consensus_state state;

    if (member->restart_at || member_is_over(member)) {
        return;
    }
    if (member->has_installed) {
        member_finish_install(member);
    }
    consensus_state(member->consensus, &state);
    if (state.is_vote_unsaved || member->is_install_failed) {
        member->is_install_failed = false;
        suspend(member, state.is_vote_unsaved ? "a vote" : "a snapshot");
        return;
    }
    if (state.failure) {
        member_fail(member, state.failure);
    }
    if (!uuid_equals(state.leader, member->status.leader)) {
        member->status.leader = state.leader;
        member->status.n_leader_changes += !uuid_is_zero(state.leader);
        member->leader_lost = member->now;
        if (!uuid_is_zero(state.leader) && member->state == MEMBER_FOLLOWING) {
            const struct file_record record = {
                .kind = FILE_RECORD_LEADER, .term = state.term, .server = state.leader};

            member_write(member, &record, 1, false);
        }
        member_changed(member);
    }
    if (member->state == MEMBER_HANDING_OVER && !state.is_transferring) {
        member_set_state(member, MEMBER_LEADING); // no other member has taken over
        member_changed(member);
    }
    if (member->is_removed && member->state == MEMBER_FOLLOWING) {
        member_has_left(member);
    }
}

struct commit_log *member_commit_log(struct member *member)
{
    return &member->commit_log;
}

void member_start(struct member *member, uint64_t now)
{
    const struct member_log *log = member_log(member);

    member->now = now;
    member->leader_lost = now;
    if (log->has_left) {
        member_set_state(member, MEMBER_LEFT);
        return;
    }
    member->is_joining = member_wants_to_join(member);
    consensus_start(member->consensus, now, log->term, log->vote, log->n_entries);
    member_check(member);
}

// Whether a record can be written, and with it all earlier ones. The file of a server that is to
// join has no room for records: it tries to install the snapshot again.
static bool is_disk_writable(struct member *member)
{
    const struct file_record record = {.kind = FILE_RECORD_COMMIT_INDEX,
                                       .term = member_log(member)->term,
                                       .commit_index = member->applied_index};

    return member->state == MEMBER_JOINING ||
           member->handler->write_synced(member->userdata, &record, 1);
}

// Starts the consensus from the file, as at the start of the server, if there is space again.
static void restart(struct member *member)
{
    const struct member_log *log = member_log(member);

    member->restart_at = member->now + RESTART_AFTER;
    if (is_disk_writable(member)) {
        log_info("the disk can be written again: this member takes part again");
        member->restart_at = 0;
        member_end_sendings(member);
        consensus_free(member->consensus);
        member->consensus = new_consensus(member);
        consensus_start(member->consensus, member->now, log->term, log->vote, log->n_entries);
        member_check(member);
    }
}

// Time

uint64_t member_deadline(const struct member *member)
{
    uint64_t deadline;

    if (member_is_over(member)) {
        return UINT64_MAX;
    }
    if (member->restart_at) {
        return member->restart_at;
    }
    deadline = consensus_deadline(member->consensus);
    if (member->is_joining || member->is_leaving) {
        deadline = MIN(deadline, member->ask_again);
    }
    return deadline;
}

void member_timeout(struct member *member, uint64_t now)
{
    if (member_is_over(member)) {
        return;
    }
    member->now = now;
    if (member->restart_at) {
        if (now >= member->restart_at) {
            restart(member);
        }
        return;
    }
    if (now >= consensus_deadline(member->consensus)) {
        consensus_timeout(member->consensus, now);
        member_check(member);
    }
    member_ask(member);
}

void member_persisted(struct member *member, uint64_t now, size_t n)
{
    size_t n_appends = 0;

    assert(n <= member->n_writes);
    member->now = now;
    for (size_t i = 0; i < n; i++) {
        n_appends += member->writes[i];
    }
    member->n_writes -= n;
    memmove(member->writes, member->writes + n, member->n_writes * sizeof(*member->writes));
    if (n_appends && !member_is_over(member)) {
        consensus_persisted(member->consensus, now, n_appends);
        member_check(member);
    }
}

void member_lost(struct member *member, uint64_t now, struct uuid server)
{
    if (!member_is_over(member) && uuid_equals(server, member->status.leader)) {
        member->now = now;
        consensus_leader_lost(member->consensus, now);
        member_check(member);
    }
}

void member_receive(struct member *member, uint64_t now, struct uuid from,
                    const struct wire_message *message)
{
    member->now = now;
    if (member_is_over(member)) {
        return;
    }
    switch (message->kind) {
    case WIRE_RAFT:
        if (member->restart_at) {
            break;
        }
        member_refuse_if_removed(member, from, &message->raft);
        consensus_receive(member->consensus, now, from, &message->raft);
        break;
    case WIRE_SNAPSHOT:
        member_receive_snapshot(member, &message->snapshot);
        break;
    case WIRE_SNAPSHOT_PART:
        member_receive_part(member, from, &message->part);
        break;
    case WIRE_LEAVE:
        member_receive_leave(member, from, message->leaving);
        break;
    case WIRE_JOIN_RESULT:
        member_receive_result(member, &message->join_result);
        break;
    case WIRE_JOIN:
        break; // see member_add_server()
    default:
        member->handler->client(member->userdata, from, message);
    }
    member_check(member);
}

// State

const struct servers *member_servers(const struct member *member)
{
    return member_log_servers(member_log(member));
}

uint64_t member_match_index(const struct member *member, struct uuid server)
{
    return consensus_match_index(member->consensus, server);
}

uint64_t member_applied_index(const struct member *member)
{
    return member->applied_index;
}

void member_status(const struct member *member, uint64_t now, struct member_status *ret)
{
    const struct member_log *log = member_log(member);

    *ret = member->status;
    ret->state = member->state;
    ret->is_leaving = member->is_leaving;
    ret->failure = member->failure;
    ret->election_timer = member_timer(log);
    ret->is_connected =
        !member_is_over(member) && member->state != MEMBER_JOINING &&
        (!uuid_is_zero(ret->leader) || now < member->leader_lost + ret->election_timer);
    ret->is_ready = member->state == MEMBER_LEADING;
    ret->applied_index = member->applied_index;
    consensus_state(member->consensus, &ret->consensus);
    ret->consensus.commit_index = member->commit_index;
}
