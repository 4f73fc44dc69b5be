// SPDX-License-Identifier: Apache-2.0
// The entries of the database are in one of these places:
//
//     committed and applied | committed, to be applied | in the log  | executed, not in the log
//     ... applied_index     | ... commit_index         | ... last    | batch
//
// What a leader has executed is in `executed`, in the order of the entries, until it is committed.
#include "cluster/member_private.h"

#include "basic/alloc.h"
#include "basic/log.h"

#include <errno.h>

LOG_MODULE(cluster);

#define APPLY_AT_ONCE 64   // entries that one member_run() applies
#define COMMIT_EVERY  1000 // entries for which one commit index is recorded

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
struct ovsdb_error *member_append(struct commit_log *log, struct changeset *changes, bool durable,
                                  uint64_t *ret_position)
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
void member_withdraw(struct member *member)
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

void member_drop_commits(struct member *member)
{
    batch_clear(member);
    executed_clear(member);
    changeset_unref(member->committed);
    free(member->batch);
    free(member->executed);
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
    member_check(member);
    return r;
}

void member_flush(struct member *member, uint64_t now)
{
    size_t first = member->end_executed - member->n_batch, n = member->n_batch;
    uint64_t index = member_log_last_index(member_log(member)) + 1;

    if (!n || member_is_over(member)) {
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
    if (r && member_leads(member)) {
        member_withdraw(member); // it hands over
    }
    member_check(member);
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
    member_check(member);
    return r;
}

void member_compacted(struct member *member, uint64_t now, uint64_t index, uint64_t term,
                      size_t n_kept)
{
    member->now = now;
    member_end_sendings(member);
    if (!member_is_over(member) && !member->restart_at) {
        consensus_compacted(member->consensus, now, index, term, n_kept);
        member_check(member);
    }
}

// Committed entries

// Takes over `error`.
void member_fail_apply(struct member *member, uint64_t index, struct ovsdb_error *error)
{
    _cleanup_free_ char *text = error_text(error);
    _cleanup_free_ char *reason =
        xasprintf("entry %llu cannot be applied: %s", (unsigned long long)index, text);

    error_free(error);
    member_fail(member, reason);
}

struct ovsdb_error *member_replace(struct member *member, const struct entry_data *data,
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
        return member_replace(member, &data, entry->eid);
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
        member_fail_apply(member, index, error);
    } else if (member_is_removed_by(member, entry)) {
        member->is_removed = true; // see member_check()
    }
}

// Records from time to time how far the log is committed, so that a start knows it.
static void record_commit_index(struct member *member, uint64_t every)
{
    if (!member_is_over(member) && member->state != MEMBER_JOINING &&
        member->applied_index >= member->recorded_commit_index + every) {
        const struct file_record record = {.kind = FILE_RECORD_COMMIT_INDEX,
                                           .term = member_log(member)->term,
                                           .commit_index = member->applied_index};

        member->recorded_commit_index = member->applied_index;
        member_write(member, &record, 1, false);
    }
}

void member_stop(struct member *member)
{
    record_commit_index(member, 1);
}

// A leader that has applied what earlier leaders have appended executes transactions.
void member_lead_if_ready(struct member *member)
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
    for (unsigned n = 0; n < APPLY_AT_ONCE && member->applied_index < member->commit_index &&
                         !member_is_over(member);
         n++) {
        apply_entry(member, member->applied_index + 1);
    }
    member_lead_if_ready(member);
    record_commit_index(member, COMMIT_EVERY);
    if (member->applied_index != before || member->state != state) {
        member_changed(member);
    }
    return member->applied_index < member->commit_index && !member_is_over(member);
}
