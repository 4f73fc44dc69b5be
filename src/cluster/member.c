// SPDX-License-Identifier: Apache-2.0
//     JOINING --snapshot--> FOLLOWING --elected--> CATCHING_UP --applied all--> LEADING
//                              ^                        |                        |  ^
//                              +------- deposed --------+------------------------+ | not taken over
//                              |                                                 v  |
//                              +------------------------------------------- HANDING_OVER
//
// The entries of the database are in one of these places:
//
//     committed and applied | committed, to be applied | in the log  | executed, not in the log
//     ... applied_index     | ... commit_index         | ... last    | batch
//
// What a leader has executed is in `executed`, in the order of the entries, until it is committed.
#include "cluster/member.h"

#include "cluster/snapshot_parts.h"

#include "basic/alloc.h"
#include "basic/log.h"
#include "engine/undo.h"

#include <errno.h>
#include <string.h>

LOG_MODULE(cluster);

#define APPLY_AT_ONCE 64   // entries that one member_run() applies
#define COMMIT_EVERY  1000 // entries for which one commit index is recorded
#define DEFAULT_TIMER 1000 // ms
#define RESTART_AFTER 1000 // ms, when the disk is full

// A commit of this leader that is not committed by the cluster.
struct executed {
    uint64_t index; // 0: still in the batch
    uint64_t position;
    struct changeset *changes; // a reference
};

struct member {
    const struct member_handler *handler;
    void *userdata;
    uuid_source *new_uuid;
    struct consensus *consensus; // NULL: it has no log yet
    unsigned seed;
    enum member_state state;
    char *failure;
    bool is_joining, is_leaving; // it asks for that
    bool is_removed;             // a committed entry says so; a leader ends its term first
    struct commit_log commit_log;
    struct db *db;
    struct changeset *committed; // a reference: the commits after it are those of `executed`
    uint64_t applied_index, commit_index, recorded_commit_index;
    uint64_t elected_index; // the end of the log when this member was elected
    struct uuid applying;   // the transaction id of the entry that is being applied
    bool is_applying;
    bool is_install_failed;
    bool has_installed; // a snapshot is durable, which the consensus is to be told
    struct member_message installed;

    struct executed *executed; // those before first_executed are committed
    size_t first_executed, end_executed, executed_capacity;
    struct log_entry *batch; // entries that are not in the log yet; each owns its data
    size_t n_batch, batch_capacity;

    struct wire_snapshot incoming; // the snapshot that is being received; size 0: none
    struct servers incoming_servers;
    struct snapshot_assembly assembly; // its contents
    struct list sendings;              // snapshots to other members
    struct uuid cluster_id;            // UUID_ZERO: not known yet

    // For each call of write() that is not durable: whether the consensus waits for it.
    bool *writes;
    size_t n_writes, writes_capacity;

    uint64_t restart_at; // when to try to start the consensus again; 0: it runs
    uint64_t ask_again;  // when to repeat the request to join or to leave
    uint64_t leader_lost;
    uint64_t now;
    struct member_status status; // the counters and times in it
};

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

static void member_set_state(struct member *member, enum member_state state)
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

static const struct member_log *member_log(const struct member *member)
{
    return member->handler->log(member->userdata);
}

static bool is_leader(const struct member *member)
{
    return member->state == MEMBER_CATCHING_UP || member->state == MEMBER_LEADING ||
           member->state == MEMBER_HANDING_OVER;
}

static bool is_over(const struct member *member)
{
    return member->state == MEMBER_LEFT || member->state == MEMBER_FAILED;
}

// Writes records which need not be durable before the next ones, or for which the consensus waits.
static void member_write(struct member *member, const struct file_record *records, size_t n,
                         bool for_consensus)
{
    GROW(member->writes, member->n_writes, member->writes_capacity);
    member->writes[member->n_writes++] = for_consensus;
    member->handler->write(member->userdata, records, n);
}

static void member_changed(struct member *member)
{
    member->handler->changed(member->userdata);
}

// Commits of this leader

static void batch_clear(struct member *member)
{
    for (size_t i = 0; i < member->n_batch; i++) {
        servers_done(&member->batch[i].servers);
        free((char *)member->batch[i].data.data);
    }
    member->n_batch = 0;
}

static struct log_entry *batch_add(struct member *member)
{
    GROW(member->batch, member->n_batch, member->batch_capacity);
    member->batch[member->n_batch] = (struct log_entry){0};
    return &member->batch[member->n_batch++];
}

static size_t n_executed(const struct member *member)
{
    return member->end_executed - member->first_executed;
}

static void executed_add(struct member *member, struct changeset *changes, uint64_t position)
{
    size_t n = n_executed(member);

    if (member->end_executed == member->executed_capacity && member->first_executed > n) {
        memcpy(member->executed, member->executed + member->first_executed,
               n * sizeof(*member->executed));
        member->first_executed = 0;
        member->end_executed = n;
    }
    GROW(member->executed, member->end_executed, member->executed_capacity);
    member->executed[member->end_executed++] =
        (struct executed){0, position, changeset_ref(changes)};
}

static void executed_clear(struct member *member)
{
    while (n_executed(member)) {
        changeset_unref(member->executed[member->first_executed++].changes);
    }
    member->first_executed = member->end_executed = 0;
}

// Appends a commit of a session, or gives one that is being applied its id.
static struct ovsdb_error *on_append(struct commit_log *log, struct changeset *changes,
                                     bool durable, uint64_t *ret_position)
{
    struct member *member = CONTAINER_OF(log, struct member, commit_log);
    _cleanup_buf_ struct buf data = {0};
    struct log_entry *entry;

    *ret_position = 0;
    if (member->is_applying) {
        changes->txn_id = member->applying;
        return NULL;
    }
    if (member->state != MEMBER_LEADING) {
        return error_new(ERROR_IO, "this server does not lead the cluster");
    }
    changes->txn_id = member->new_uuid();
    buf_puts(&data, "[null,");
    if (!member->handler->encode(member->userdata, changes, &data)) {
        return NULL;
    }
    buf_puts(&data, "]");
    entry = batch_add(member);
    entry->eid = changes->txn_id;
    entry->data = (struct slice){xmemdup(data.data, data.size), data.size};
    // The commits that are not durable may be taken back, too, so all outputs wait.
    *ret_position = positions_issue(&member->commit_log.positions);
    executed_add(member, changes, *ret_position);
    return NULL;
}

static void set_committed(struct member *member, struct changeset *changes)
{
    changeset_ref(changes);
    changeset_unref(member->committed);
    member->committed = changes;
}

// Takes back what this member has executed as leader and the cluster has not committed.
static void withdraw(struct member *member)
{
    batch_clear(member);
    member->status.n_withdrawn = n_executed(member);
    positions_lose(&member->commit_log.positions);
    if (n_executed(member)) {
        log_info("withdrawing %zu transactions that were not committed", n_executed(member));
        executed_clear(member);
        member->handler->withdraw(member->userdata, member->committed);
    }
}

void member_fail(struct member *member, const char *reason)
{
    if (!is_over(member)) {
        free(member->failure);
        member->failure = xstrdup(reason);
        log_err("the member of the cluster has failed: %s", reason);
        member_set_state(member, MEMBER_FAILED);
        withdraw(member);
        member_changed(member);
    }
}

// Stops the consensus, which needs what could not be written, until there is space on the disk.
// What is still to be written is not reported to it.
static void suspend(struct member *member, const char *what)
{
    log_err("%s cannot be written: this member waits until it can", what);
    member->restart_at = member->now + RESTART_AFTER;
    memset(member->writes, 0, member->n_writes * sizeof(*member->writes));
    if (is_leader(member)) {
        member_set_state(member, MEMBER_FOLLOWING);
        withdraw(member);
    }
    member->status.leader = UUID_ZERO;
    member->leader_lost = member->now;
    member_changed(member);
}

// Takes over `error`.
static void fail_apply(struct member *member, uint64_t index, struct ovsdb_error *error)
{
    _cleanup_free_ char *text = error_text(error);
    _cleanup_free_ char *reason =
        xasprintf("entry %llu cannot be applied: %s", (unsigned long long)index, text);

    error_free(error);
    member_fail(member, reason);
}

// Committed entries

static struct ovsdb_error *replace(struct member *member, const struct entry_data *data,
                                   struct uuid txn_id)
{
    struct ovsdb_error *error =
        member->handler->replace(member->userdata, data, txn_id, &member->db);

    if (!error) {
        set_committed(member, db_tail(member->db));
    }
    return error;
}

static struct ovsdb_error *apply_data(struct member *member, const struct log_entry *entry)
{
    struct entry_data data;
    struct ovsdb_error *error = entry_data_decode(entry->data, &data);

    if (error) {
        return error;
    }
    if (data.schema.data) {
        return replace(member, &data, entry->eid);
    }
    if (!data.transaction.data) {
        return NULL;
    }
    member->is_applying = true;
    member->applying = entry->eid;
    error = member->handler->apply(member->userdata, data.transaction);
    member->is_applying = false;
    set_committed(member, db_tail(member->db));
    return error;
}

// The first executed commit is the entry with this index.
static void commit_executed(struct member *member)
{
    struct executed executed = member->executed[member->first_executed++];

    set_committed(member, executed.changes);
    changeset_unref(executed.changes);
    positions_advance(&member->commit_log.positions, executed.position);
}

// True if the members up to the entry with this index have included this server, and no longer do.
static bool is_removed_by(const struct member *member, const struct log_entry *entry)
{
    const struct member_log *log = member_log(member);
    struct uuid self = log->header.server_id;

    return entry->servers.n && !servers_find(&entry->servers, self) &&
           servers_find(member_log_servers_at(log, entry->index - 1), self);
}

// The cluster has removed this server.
static void leave(struct member *member)
{
    const struct file_record left = {.kind = FILE_RECORD_NOTE, .note = (char *)FILE_NOTE_LEFT};

    // If the disk is full, it tries again.
    if (member->handler->write_synced(member->userdata, &left, 1)) {
        log_info("this server is no member of the cluster any more");
        member_set_state(member, MEMBER_LEFT);
        member_changed(member);
    }
}

static void apply_entry(struct member *member, uint64_t index)
{
    const struct log_entry *entry = member_log_entry(member_log(member), index);
    struct ovsdb_error *error = NULL;

    assert(entry);
    member->applied_index = index; // before outputs are released
    if (n_executed(member) && member->executed[member->first_executed].index == index) {
        commit_executed(member);
    } else if (entry->data.data) {
        assert(!n_executed(member)); // while commits wait, no other entries have data
        error = apply_data(member, entry);
    }
    if (entry->election_timer) {
        consensus_set_election_timeout(member->consensus, (unsigned)entry->election_timer);
    }
    if (error) {
        fail_apply(member, index, error);
    } else if (is_removed_by(member, entry)) {
        member->is_removed = true; // see consensus_check()
    }
}

// Records from time to time how far the log is committed, so that a start knows it.
static void record_commit_index(struct member *member, uint64_t every)
{
    if (!is_over(member) && member->state != MEMBER_JOINING &&
        member->applied_index >= member->recorded_commit_index + every) {
        const struct file_record record = {.kind = FILE_RECORD_COMMIT_INDEX,
                                           .term = member_log(member)->term,
                                           .commit_index = member->applied_index};

        member->recorded_commit_index = member->applied_index;
        member_write(member, &record, 1, false);
    }
}

// A leader that has applied what earlier leaders have appended executes transactions.
static void lead_if_ready(struct member *member)
{
    if (member->state == MEMBER_CATCHING_UP && member->applied_index >= member->elected_index) {
        member_set_state(member, MEMBER_LEADING);
    }
}

bool member_run(struct member *member, uint64_t now)
{
    uint64_t before = member->applied_index;
    enum member_state state = member->state;

    member->now = now;
    for (unsigned n = 0;
         n < APPLY_AT_ONCE && member->applied_index < member->commit_index && !is_over(member);
         n++) {
        apply_entry(member, member->applied_index + 1);
    }
    lead_if_ready(member);
    record_commit_index(member, COMMIT_EVERY);
    if (member->applied_index != before || member->state != state) {
        member_changed(member);
    }
    return member->applied_index < member->commit_index && !is_over(member);
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

static struct member_message on_snapshot(void *userdata)
{
    const struct file_header *header = &member_log(userdata)->header;

    return (struct member_message){
        .kind = MESSAGE_SNAPSHOT,
        .index = header->prev_index,
        .index_term = header->prev_term,
        .servers = &header->prev_servers,
        .servers_index = header->prev_index,
    };
}

// A snapshot that is being sent in parts.
struct sending {
    struct list node; // member->sendings
    struct uuid to;
    struct snapshot_cutter cutter;
};

static void sending_free(struct sending *sending)
{
    list_remove(&sending->node);
    free(sending);
}

// The contents that are being sent exist no longer. The consensus sends the snapshot again.
static void sendings_clear(struct member *member)
{
    while (!list_is_empty(&member->sendings)) {
        sending_free(LIST_FIRST(&member->sendings, struct sending, node));
    }
}

static struct sending *find_sending(const struct member *member, struct uuid to)
{
    struct sending *sending;

    LIST_FOREACH (sending, &member->sendings, node) {
        if (uuid_equals(sending->to, to)) {
            return sending;
        }
    }
    return NULL;
}

// Sends parts as long as the connection has little to send.
static void send_parts(struct member *member, struct sending *sending)
{
    struct wire_message wire = {.kind = WIRE_SNAPSHOT_PART};
    struct uuid to = sending->to;
    bool is_sent = true;

    while (is_sent &&
           snapshot_cutter_next(&sending->cutter, member->handler->backlog(member->userdata, to),
                                &wire.part)) {
        is_sent = member->handler->send(member->userdata, to, &wire);
        if (is_sent) {
            snapshot_cutter_advance(&sending->cutter, &wire.part);
        }
    }
    if (!is_sent || snapshot_cutter_is_done(&sending->cutter)) {
        sending_free(sending);
    }
}

static void send_snapshot(struct member *member, struct uuid to,
                          const struct member_message *message)
{
    const struct file_header *header = &member_log(member)->header;
    struct wire_message wire = {.kind = WIRE_SNAPSHOT};
    struct sending *sending = find_sending(member, to);

    wire.snapshot = (struct wire_snapshot){
        .message = *message,
        .election_timer = header->prev_election_timer,
        .eid = header->prev_eid,
        .size = header->prev_data.size,
    };
    if (sending) {
        sending_free(sending);
    }
    if (member->handler->send(member->userdata, to, &wire)) {
        member->status.n_snapshots_sent++;
        sending = NEW(struct sending);
        sending->to = to;
        snapshot_cutter_init(&sending->cutter, message->index, header->prev_data);
        list_push_back(&member->sendings, &sending->node);
        send_parts(member, sending);
    }
}

void member_drained(struct member *member, struct uuid server)
{
    struct sending *sending = find_sending(member, server);

    if (sending) {
        send_parts(member, sending);
    }
}

static void on_send(void *userdata, struct uuid to, const struct member_message *message)
{
    struct member *member = userdata;
    const struct wire_message wire = {.kind = WIRE_RAFT, .raft = *message};

    if (message->kind == MESSAGE_SNAPSHOT) {
        send_snapshot(member, to, message);
    } else {
        member->handler->send(member->userdata, to, &wire);
    }
}

static void copy_servers(struct servers *to, const struct servers *from)
{
    for (size_t i = 0; i < from->n; i++) {
        servers_add(to, from->list[i].id, from->list[i].address);
    }
}

// The received contents replace the log.
static void on_install(void *userdata, const struct member_message *snapshot)
{
    struct member *member = userdata;
    const struct member_log *log = member_log(member);
    struct consensus_state state;
    struct file_header header = {
        .server_id = log->header.server_id,
        .cluster_id = member->cluster_id,
        .local_address = xstrdup(log->header.local_address),
        .name = xstrdup(log->header.name),
        .prev_term = snapshot->index_term,
        .prev_index = snapshot->index,
        .prev_election_timer = member->incoming.election_timer,
        .prev_data = buf_slice(&member->assembly.contents),
        .prev_eid = member->incoming.eid,
    };

    assert(member->incoming.message.index == snapshot->index);
    sendings_clear(member);
    consensus_state(member->consensus, &state);
    copy_servers(&header.prev_servers, snapshot->servers);
    if (member->handler->install(member->userdata, &header, state.term, state.vote)) {
        member->has_installed = true;
        member->status.n_snapshots_installed++;
    } else {
        member->is_install_failed = true;
    }
}

// The database after a snapshot was installed.
static void finish_install(struct member *member)
{
    struct member_message snapshot = on_snapshot(member);
    const struct file_header *header = &member_log(member)->header;
    struct entry_data data;
    struct ovsdb_error *error = entry_data_decode(header->prev_data, &data);

    member->has_installed = false;
    if (!error) {
        error = replace(member, &data, header->prev_eid);
    }
    if (error) {
        fail_apply(member, snapshot.index, error);
        return;
    }
    member->applied_index = snapshot.index;
    member->commit_index = snapshot.index;
    member->recorded_commit_index = snapshot.index;
    if (header->prev_election_timer) {
        consensus_set_election_timeout(member->consensus, (unsigned)header->prev_election_timer);
    }
    if (member->state == MEMBER_JOINING) {
        member_set_state(member, MEMBER_FOLLOWING);
    }
    consensus_installed(member->consensus, member->now, &snapshot);
}

static void on_role_changed(void *userdata, enum consensus_role role)
{
    struct member *member = userdata;
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (is_over(member)) {
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
        lead_if_ready(member);
    } else if (is_leader(member)) {
        member_set_state(member, MEMBER_FOLLOWING);
        withdraw(member);
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
    .snapshot = on_snapshot,
    .send = on_send,
    .install = on_install,
    .role_changed = on_role_changed,
    .committed = on_committed,
};

static uint64_t election_timer(const struct member_log *log)
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
        .election_timeout = (unsigned)election_timer(log),
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
    member->commit_log.append = on_append;
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
    batch_clear(member);
    executed_clear(member);
    changeset_unref(member->committed);
    consensus_free(member->consensus);
    positions_done(&member->commit_log.positions);
    servers_done(&member->incoming_servers);
    snapshot_assembly_done(&member->assembly);
    sendings_clear(member);
    free(member->batch);
    free(member->executed);
    free(member->writes);
    free(member->failure);
    free(member);
}

// After each event: what follows from it.
static void consensus_check(struct member *member)
{
    struct consensus_state state;

    if (member->restart_at || is_over(member)) {
        return;
    }
    if (member->has_installed) {
        finish_install(member);
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
        member_set_state(member, MEMBER_LEADING); // nobody has taken over
        member_changed(member);
    }
    if (member->is_removed && member->state == MEMBER_FOLLOWING) {
        leave(member);
    }
}

void member_stop(struct member *member)
{
    record_commit_index(member, 1);
}

struct commit_log *member_commit_log(struct member *member)
{
    return &member->commit_log;
}

// True until the server is a member for the first time: its log does not name it.
static bool wants_to_join(const struct member *member)
{
    const struct member_log *log = member_log(member);
    struct uuid id = log->header.server_id;
    bool is_named = servers_find(&log->header.prev_servers, id);

    for (size_t i = 0; i < log->n_entries && !is_named; i++) {
        is_named = servers_find(&log->entries[i].servers, id);
    }
    return !is_named && !is_over(member);
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
    member->is_joining = wants_to_join(member);
    consensus_start(member->consensus, now, log->term, log->vote, log->n_entries);
    consensus_check(member);
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
        sendings_clear(member);
        consensus_free(member->consensus);
        member->consensus = new_consensus(member);
        consensus_start(member->consensus, member->now, log->term, log->vote, log->n_entries);
        consensus_check(member);
    }
}

// Time

// The request to join or to leave is repeated until it has an effect. A leader that is to leave
// hands over first.
static void ask(struct member *member)
{
    bool leaves = member->is_leaving && !is_over(member);
    const struct wire_message wire = {.kind = leaves ? WIRE_LEAVE : WIRE_JOIN};

    if (member->now >= member->ask_again && (leaves || member->is_joining)) {
        member->ask_again = member->now + election_timer(member_log(member));
        member->is_joining = wants_to_join(member);
        if (leaves && member->state == MEMBER_LEADING) {
            member_transfer(member, member->now, UUID_ZERO);
        }
        member->handler->send(member->userdata, UUID_ZERO, &wire);
    }
}

uint64_t member_deadline(const struct member *member)
{
    uint64_t deadline;

    if (is_over(member)) {
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
    if (is_over(member)) {
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
        consensus_check(member);
    }
    ask(member);
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
    if (n_appends && !is_over(member)) {
        consensus_persisted(member->consensus, now, n_appends);
        consensus_check(member);
    }
}

void member_lost(struct member *member, uint64_t now, struct uuid server)
{
    if (!is_over(member) && uuid_equals(server, member->status.leader)) {
        member->now = now;
        consensus_leader_lost(member->consensus, now);
        consensus_check(member);
    }
}

// Entries of this leader

// Appends `entries` after those of the batch. 0 or negative errno.
static int submit(struct member *member, uint64_t now, struct log_entry *entries, size_t n)
{
    int r;

    member->now = now;
    member_flush(member, now);
    r = member->state == MEMBER_LEADING ? consensus_submit(member->consensus, now, entries, n)
                                        : -ENOTCONN;
    consensus_check(member);
    return r;
}

void member_flush(struct member *member, uint64_t now)
{
    size_t first = member->end_executed - member->n_batch, n = member->n_batch;
    uint64_t index = member_log_last_index(member_log(member)) + 1;

    if (!n || is_over(member)) {
        return;
    }
    member->now = now;
    assert(n_executed(member) >= n);
    for (size_t i = 0; i < n; i++) {
        assert(!member->executed[first + i].index);
        member->executed[first + i].index = index + i;
    }
    // Within this call the entries may be committed, or this member deposed.
    struct log_entry *entries = TAKE_PTR(member->batch);
    member->n_batch = member->batch_capacity = 0;
    int r = consensus_submit(member->consensus, now, entries, n);
    assert(r || entries[0].index == index);
    for (size_t i = 0; i < n; i++) {
        free((char *)entries[i].data.data);
    }
    free(entries);
    if (r && is_leader(member)) {
        withdraw(member); // it hands over
    }
    consensus_check(member);
}

int member_convert(struct member *member, uint64_t now, struct slice data)
{
    struct log_entry entry = {.data = data, .eid = member->new_uuid()};

    return submit(member, now, &entry, 1);
}

int member_set_election_timer(struct member *member, uint64_t now, unsigned ms)
{
    struct log_entry entry = {.election_timer = ms};

    return submit(member, now, &entry, 1);
}

int member_transfer(struct member *member, uint64_t now, struct uuid to)
{
    int r;

    member->now = now;
    member_flush(member, now);
    if (member->state != MEMBER_LEADING) {
        return member->state == MEMBER_HANDING_OVER ? -EALREADY : -ENOTCONN;
    }
    r = consensus_transfer(member->consensus, now, to);
    if (!r && member->state == MEMBER_LEADING) {
        member_set_state(member, MEMBER_HANDING_OVER);
        member_changed(member);
    }
    consensus_check(member);
    return r;
}

void member_compacted(struct member *member, uint64_t now, uint64_t index, uint64_t term,
                      size_t n_kept)
{
    member->now = now;
    sendings_clear(member);
    if (!is_over(member) && !member->restart_at) {
        consensus_compacted(member->consensus, now, index, term, n_kept);
        consensus_check(member);
    }
}

// Members

static bool is_member(const struct member *member, struct uuid server)
{
    return servers_find(member_servers(member), server);
}

int member_kick(struct member *member, uint64_t now, struct uuid server)
{
    int r;

    member->now = now;
    if (!is_leader(member)) {
        const struct wire_message wire = {.kind = WIRE_LEAVE, .leaving = server};
        struct uuid leader = member->status.leader;

        return !uuid_is_zero(leader) && !is_over(member) &&
                       member->handler->send(member->userdata, leader, &wire)
                   ? 0
                   : -ENOTCONN;
    }
    member_flush(member, now);
    r = consensus_remove_server(member->consensus, now, server);
    consensus_check(member);
    return r;
}

void member_leave(struct member *member, uint64_t now)
{
    member->now = now;
    member->is_leaving = true;
    member->ask_again = now;
    ask(member);
}

// Answers a server that asks to join: by the snapshot, or with the address of the leader.
void member_add_server(struct member *member, uint64_t now, struct uuid id, const char *address)
{
    const struct cluster_server *leader =
        servers_find(member_servers(member), member->status.leader);
    struct wire_message answer = {.kind = WIRE_JOIN_RESULT};
    int r = -ENOTCONN;

    member->now = now;
    if (is_leader(member)) {
        r = is_member(member, id) ? 0 : consensus_add_server(member->consensus, now, id, address);
        answer.join_result.reason = r == -EBUSY    ? "the members are being changed"
                                    : r == -EEXIST ? "another member has this address or id"
                                                   : NULL;
    } else if (leader) {
        answer.join_result.leader = leader->address;
    } else {
        answer.join_result.reason = "the leader is not known";
    }
    answer.join_result.is_accepted = !r || r == -EALREADY;
    member->handler->send(member->userdata, id, &answer);
    consensus_check(member);
}

void member_ask_to_join(struct member *member, uint64_t now, struct uuid cluster_id)
{
    if (uuid_is_zero(member->cluster_id)) {
        member->cluster_id = cluster_id;
    }
    if (member->is_joining) {
        member->now = now;
        member->ask_again = now;
        ask(member);
    }
}

static void refuse(struct member *member, struct uuid to)
{
    const struct wire_message answer = {.kind = WIRE_JOIN_RESULT,
                                        .join_result = {.reason = WIRE_NO_MEMBER}};

    member->handler->send(member->userdata, to, &answer);
}

// Only the leader knows who is a member: the log of another server may lack the entry that has
// added the sender, and an entry that removes it counts when it is committed.
static void receive_leave(struct member *member, struct uuid from, struct uuid server)
{
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (member->state != MEMBER_LEADING) {
        return;
    }
    if (uuid_is_zero(server)) {
        server = from;
    }
    if (consensus_remove_server(member->consensus, member->now, server) == -ENOENT &&
        uuid_equals(server, from) && state.change.phase == CONSENSUS_CHANGE_NONE) {
        refuse(member, from);
    }
}

// A server that was removed gets no entries any more, also not the one that says so. It asks for
// votes in vain. The candidate's term shows that no later leader has made it a member.
static void refuse_if_removed(struct member *member, struct uuid from,
                              const struct member_message *message)
{
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (message->kind == MESSAGE_VOTE && is_leader(member) && !is_member(member, from) &&
        message->term <= state.term + 1 && state.change.phase == CONSENSUS_CHANGE_NONE) {
        refuse(member, from);
    }
}

// The answer to the request to join or to leave, or to a request for a vote.
static void receive_result(struct member *member, const struct wire_join_result *result)
{
    if (!result->is_accepted && result->reason && !strcmp(result->reason, WIRE_NO_MEMBER) &&
        member->state == MEMBER_FOLLOWING && !wants_to_join(member)) {
        leave(member);
    }
}

// Parts of a snapshot

static void receive_snapshot(struct member *member, const struct wire_snapshot *snapshot)
{
    if (uuid_is_zero(member->cluster_id)) {
        return; // the sender is to say first which cluster it is of
    }
    servers_done(&member->incoming_servers);
    copy_servers(&member->incoming_servers, snapshot->message.servers);
    member->incoming = *snapshot;
    member->incoming.message.servers = &member->incoming_servers;
    snapshot_assembly_begin(&member->assembly, snapshot);
}

static void receive_part(struct member *member, struct uuid from, const struct wire_part *part)
{
    enum snapshot_progress progress;
    struct ovsdb_error *error = snapshot_assembly_add(&member->assembly, part, &progress);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_warn("a snapshot cannot be used: %s", text);
        error_free(error);
    } else if (progress == SNAPSHOT_COMPLETE) {
        if (!member->restart_at) {
            consensus_receive(member->consensus, member->now, from, &member->incoming.message);
            consensus_check(member);
        }
        snapshot_assembly_done(&member->assembly);
    }
}

void member_receive(struct member *member, uint64_t now, struct uuid from,
                    const struct wire_message *message)
{
    member->now = now;
    if (is_over(member)) {
        return;
    }
    switch (message->kind) {
    case WIRE_RAFT:
        if (member->restart_at) {
            break;
        }
        refuse_if_removed(member, from, &message->raft);
        consensus_receive(member->consensus, now, from, &message->raft);
        break;
    case WIRE_SNAPSHOT:
        receive_snapshot(member, &message->snapshot);
        break;
    case WIRE_SNAPSHOT_PART:
        receive_part(member, from, &message->part);
        break;
    case WIRE_LEAVE:
        receive_leave(member, from, message->leaving);
        break;
    case WIRE_JOIN_RESULT:
        receive_result(member, &message->join_result);
        break;
    case WIRE_JOIN:
        break; // see member_add_server()
    default:
        member->handler->client(member->userdata, from, message);
    }
    consensus_check(member);
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
    ret->election_timer = election_timer(log);
    ret->is_connected =
        !is_over(member) && member->state != MEMBER_JOINING &&
        (!uuid_is_zero(ret->leader) || now < member->leader_lost + ret->election_timer);
    ret->is_ready = member->state == MEMBER_LEADING;
    ret->applied_index = member->applied_index;
    consensus_state(member->consensus, &ret->consensus);
    ret->consensus.commit_index = member->commit_index;
}
