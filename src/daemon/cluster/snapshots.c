// SPDX-License-Identifier: Apache-2.0
// A snapshot in the place of the log: the rows are collected in steps, a helper thread writes them
// to a new file, and when everything that the snapshot shows is committed, the new file replaces
// the old one.
//
//     COLLECTING --all rows--> WRITING --written--> WAITING --committed--> file replaced
#include "daemon/cluster/clusters_private.h"

#include "basic/log.h"

#include <assert.h>

LOG_MODULE(cluster);

#define STEP_ROWS   256
#define MIN_SIZE    ((uint64_t)10 << 20) // bytes; a smaller file is not worth a snapshot
#define MIN_TIME    (600 * USEC_PER_SEC)
#define MAX_ENTRIES 50000 // in memory; more are worth a snapshot
#define KEPT        1000  // entries before the snapshot, for members that lag behind

enum snapshot_state { COLLECTING, WRITING, WAITING };

struct waiter {
    void (*done)(void *userdata, struct failure *failure);
    void *userdata;
};

struct cluster_snapshot {
    enum snapshot_state state;
    struct snapshot *rows;
    uint64_t index, term;
    uint64_t leader_term; // while this member leads: the term in which the rows were executed
    struct waiter *waiters;
    size_t n_waiters, waiters_capacity;
};

// Ends the snapshot. Takes over `failure`.
static void snapshot_end(struct clustered *clustered, struct failure *failure)
{
    struct cluster_snapshot *snapshot = TAKE_PTR(clustered->snapshot);

    if (failure) {
        log_warn("%s: no snapshot: %s", clustered->path, failure_text(failure));
    }
    snapshot_free(snapshot->rows);
    for (size_t i = 0; i < snapshot->n_waiters; i++) {
        struct waiter *waiter = &snapshot->waiters[i];

        waiter->done(waiter->userdata,
                     failure ? failure_new(FAILURE_SYSTEM, "%s", failure_text(failure)) : NULL);
    }
    failure_free(failure);
    free(snapshot->waiters);
    free(snapshot);
}

void snapshots_stop(struct clustered *clustered, const char *reason)
{
    if (clustered->snapshot) {
        if (clustered->snapshot->state != COLLECTING) {
            cluster_log_cancel_snapshot(clustered->log);
        }
        snapshot_end(clustered, failure_new(FAILURE_SYSTEM, "%s", reason));
    }
}

static void on_written(void *userdata, const struct ovsdb_error *error)
{
    struct clustered *clustered = userdata;

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        snapshot_end(clustered, failure_new(FAILURE_SYSTEM, "%s", text));
    } else {
        clustered->snapshot->state = WAITING;
    }
}

static void finish(struct clustered *clustered)
{
    const struct cluster_snapshot *snapshot = clustered->snapshot;
    uint64_t index = snapshot->index, term = snapshot->term;
    struct ovsdb_error *error = cluster_log_finish_snapshot(clustered->log, KEPT);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        error_free(error);
        snapshot_end(clustered, failure_new(FAILURE_SYSTEM, "%s", text));
        return;
    }
    clustered->compacted_at = clock_monotonic();
    clustered->compacted_size = cluster_log_size(clustered->log);
    member_compacted(clustered->member, clustered_now(), index, term, KEPT);
    snapshot_end(clustered, NULL);
}

// False if the entries that the snapshot shows are not those of the log any more.
static bool is_valid(const struct clustered *clustered, const struct member_status *status)
{
    const struct cluster_snapshot *snapshot = clustered->snapshot;
    const struct member_log *log = cluster_log_contents(clustered->log);
    const struct log_entry *entry = member_log_entry(log, snapshot->index);

    return (!snapshot->leader_term ||
            (status->is_ready && status->consensus.term == snapshot->leader_term)) &&
           snapshot->index > log->header.prev_index && entry && entry->term == snapshot->term;
}

bool snapshots_run(struct clustered *clustered)
{
    struct cluster_snapshot *snapshot = clustered->snapshot;
    struct member_status status;

    if (!snapshot) {
        return false;
    }
    member_status(clustered->member, clustered_now(), &status);
    if (!is_valid(clustered, &status)) {
        snapshots_stop(clustered, "the log or the leader has changed");
        return false;
    }
    if (snapshot->state == COLLECTING) {
        if (snapshot_collect(snapshot->rows, STEP_ROWS)) {
            return true;
        }
        snapshot->state = WRITING;
        cluster_log_start_snapshot(clustered->log, snapshot->rows, snapshot->index, on_written,
                                   clustered);
    } else if (snapshot->state == WAITING && status.applied_index >= snapshot->index) {
        finish(clustered);
    }
    return false;
}

// The end of what memory shows: all of the log for a leader, which runs ahead.
static uint64_t shown_index(const struct clustered *clustered, const struct member_status *status)
{
    return status->is_ready ? member_log_last_index(cluster_log_contents(clustered->log))
                            : status->applied_index;
}

static void start(struct clustered *clustered)
{
    const struct member_log *log = cluster_log_contents(clustered->log);
    struct cluster_snapshot *snapshot = NEW(struct cluster_snapshot);
    struct member_status status;

    member_flush(clustered->member, clustered_now());
    member_status(clustered->member, clustered_now(), &status);
    clustered->snapshot = snapshot;
    snapshot->rows = snapshot_new(clustered->db);
    snapshot->index = shown_index(clustered, &status);
    snapshot->leader_term = status.is_ready ? status.consensus.term : 0;
    if (snapshot->index > log->header.prev_index) {
        snapshot->term = member_log_entry(log, snapshot->index)->term;
    }
}

void clustered_compact(struct clustered *clustered,
                       void (*done)(void *userdata, struct failure *failure), void *userdata)
{
    const struct member_log *log = cluster_log_contents(clustered->log);
    struct cluster_snapshot *snapshot;

    if (!clustered->is_started || !file_header_is_member(&log->header)) {
        if (done) {
            done(userdata, failure_new(FAILURE_BUSY, "%s: the server has not joined the cluster",
                                       clustered->name));
        }
        return;
    }
    if (!clustered->snapshot) {
        start(clustered);
    }
    snapshot = clustered->snapshot;
    if (done) {
        GROW(snapshot->waiters, snapshot->n_waiters, snapshot->waiters_capacity);
        snapshot->waiters[snapshot->n_waiters++] = (struct waiter){done, userdata};
    }
    if (snapshot->index <= log->header.prev_index) {
        snapshot_end(clustered, NULL); // the file has nothing but the snapshot already
    }
}

bool snapshots_is_due(const struct clustered *clustered)
{
    const struct member_log *log = cluster_log_contents(clustered->log);
    uint64_t size = cluster_log_size(clustered->log);

    return !clustered->snapshot && log->n_entries >= 100 &&
           (log->n_entries >= MAX_ENTRIES ||
            (size >= MIN_SIZE && size >= 2 * clustered->compacted_size &&
             clock_monotonic() >= clustered->compacted_at + MIN_TIME));
}
