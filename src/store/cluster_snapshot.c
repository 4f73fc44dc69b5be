// SPDX-License-Identifier: Apache-2.0
// Replaces the file of a member by a shorter one, while records are appended.
//
//     WRITING --snapshot synced--> COPYING --little is left--> READY --finish_snapshot()--> (freed)
//     helper thread                helper, in rounds           engine thread
//
// COPYING is left out if little is to be copied after WRITING. An error ends each of the states.
//
// The new file has the snapshot, the records of the contents after it, and the records that were
// appended to the old file since; these are kept in memory (`added`) until the helper has written
// them. When they are few, the engine thread writes the rest, and from then on it appends each
// record to both files. The group commit syncs both. A fault of the new file ends the snapshot
// only.
//
// A record is left out if the new file would contradict it: a commit index before the snapshot. An
// entry that replaces one of the snapshot makes the new file useless.
#include "store/cluster_log_private.h"

#include "basic/clock.h"
#include "basic/counter.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/cluster_file.h"
#include "store/cluster_new.h"
#include "store/job.h"
#include "store/new_file.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);
COUNTER(cluster_snapshots, "Snapshots that have replaced files of clustered databases");

#define COPY_ENOUGH ((size_t)256 << 10) // bytes that the engine thread writes
#define COPY_ROUNDS 20                  // after so many the engine thread writes the rest

enum phase { WRITING, COPYING, READY, N_PHASES };

static const char *const phase_names[N_PHASES] = {
    [WRITING] = "writing", [COPYING] = "copying", [READY] = "ready"};

static const unsigned allowed_moves[N_PHASES] = {
    [WRITING] = 1u << COPYING | 1u << READY,
    [COPYING] = 1u << COPYING | 1u << READY,
};

struct cluster_snapshot {
    struct cluster_log *log;
    enum phase phase;
    struct snapshot *rows;     // until done()
    struct file_header header; // of the new file, without prev_data
    struct new_file file;
    bool has_file;
    struct job job;
    atomic_bool is_canceled;
    struct buf moving;    // what the helper writes after the snapshot, or in this round
    struct buf added;     // in the old file, to be added to the new one
    struct buf unwritten; // in neither file, see cluster_log.unwritten
    unsigned n_rounds;
    bool is_outdated;          // an entry of the snapshot was replaced
    struct member_log *begin;  // what the first record of the new file says
    struct ovsdb_error *error; // of the helper, or of a write in READY
    void (*done)(void *userdata, const struct ovsdb_error *error);
    void *userdata;
};

// The helper thread. While it runs, the engine thread does not use `file`, `moving`, `begin` and
// `error`.

static int on_step_mt(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    struct cluster_snapshot *snapshot = userdata;

    return atomic_load(&snapshot->is_canceled) ? -ECANCELED : 0;
}

static int put_text(struct new_file *file, struct slice text)
{
    int r = file_write_at(file->fd, text.data, text.size, (off_t)file->size);

    if (!r) {
        file->size += text.size;
    }
    return r;
}

static int write_mt(struct cluster_snapshot *snapshot)
{
    const struct progress progress = {on_step_mt, snapshot};
    const struct cluster_new_contents contents = {.schema = snapshot_schema(snapshot->rows),
                                                  .snapshot = snapshot->rows,
                                                  .progress = &progress};
    int r = cluster_new_put_first(&snapshot->file, &snapshot->header, &contents);

    r = r ? r : put_text(&snapshot->file, buf_slice(&snapshot->moving));
    return r ? r : new_file_sync(&snapshot->file, &progress);
}

// Reads the first record back, whose text the contents will have.
static struct ovsdb_error *read_back_mt(struct cluster_snapshot *snapshot)
{
    const struct progress progress = {on_step_mt, snapshot};
    _cleanup_cluster_file_ struct cluster_file *file = NULL;
    struct ovsdb_error *error =
        cluster_file_open_fd(snapshot->file.fd, snapshot->file.temp_path, &progress, &file);

    if (!error) {
        snapshot->begin = cluster_file_take_log(file);
    }
    return error;
}

static int copy_mt(struct cluster_snapshot *snapshot)
{
    int r = put_text(&snapshot->file, buf_slice(&snapshot->moving));

    return !r && fdatasync(snapshot->file.fd) < 0 ? -errno : r;
}

static void run_mt(struct job *job)
{
    struct cluster_snapshot *snapshot = CONTAINER_OF(job, struct cluster_snapshot, job);
    int r;

    if (snapshot->error) {
        return; // of cluster_log_start_snapshot()
    }
    r = snapshot->phase == WRITING ? write_mt(snapshot) : copy_mt(snapshot);
    buf_done(&snapshot->moving);
    if (r) {
        snapshot->error = new_file_error(&snapshot->file, r);
    } else if (snapshot->phase == WRITING) {
        snapshot->error = read_back_mt(snapshot);
    }
}

// The engine thread.

static void set_phase(struct cluster_snapshot *snapshot, enum phase phase)
{
    assert(allowed_moves[snapshot->phase] & 1u << phase);
    log_dbg("%s: snapshot: %s -> %s", snapshot->log->path, phase_names[snapshot->phase],
            phase_names[phase]);
    snapshot->phase = phase;
}

// Drops the new file, unless it is installed.
static void drop_file(struct cluster_snapshot *snapshot)
{
    struct group_commit_member *member = &snapshot->log->member;

    if (!snapshot->has_file) {
        return;
    }
    if (member->twin_fd >= 0) {
        assert(member->twin_fd == snapshot->file.fd);
        member->twin_fd = -1;
        group_commit_member_close(member, TAKE_FD(snapshot->file.fd));
    }
    new_file_done(&snapshot->file);
    snapshot->has_file = false;
}

static void cluster_snapshot_free(struct cluster_snapshot *snapshot)
{
    assert(!job_is_running(&snapshot->job));
    drop_file(snapshot);
    snapshot->log->snapshot = NULL;
    file_header_done(&snapshot->header);
    member_log_free(snapshot->begin);
    buf_done(&snapshot->moving);
    buf_done(&snapshot->added);
    buf_done(&snapshot->unwritten);
    error_free(snapshot->error);
    free(snapshot);
}

static struct ovsdb_error *outdated_error(const struct cluster_snapshot *snapshot)
{
    return error_new(ERROR_IO, "%s: entries of the snapshot were replaced", snapshot->log->path);
}

// Why the snapshot cannot be used, or NULL.
static struct ovsdb_error *cluster_snapshot_problem(struct cluster_snapshot *snapshot)
{
    if (snapshot->error) {
        return TAKE_PTR(snapshot->error);
    }
    if (snapshot->log->failure) {
        return cluster_log_failure_error(snapshot->log);
    }
    return snapshot->is_outdated ? outdated_error(snapshot) : NULL;
}

// Frees the snapshot if there is an error. Takes `error`.
static void call_done(struct cluster_snapshot *snapshot, struct ovsdb_error *error)
{
    void (*done)(void *userdata, const struct ovsdb_error *error) = snapshot->done;
    void *userdata = snapshot->userdata;

    if (error) {
        cluster_snapshot_free(snapshot);
    }
    done(userdata, error);
    error_free(error);
}

static void copy_or_end(struct cluster_snapshot *snapshot)
{
    int r;

    if (snapshot->added.size > COPY_ENOUGH && snapshot->n_rounds++ < COPY_ROUNDS) {
        snapshot->moving = snapshot->added;
        snapshot->added = (struct buf){0};
        set_phase(snapshot, COPYING);
        job_start(&snapshot->job);
        return;
    }
    r = put_text(&snapshot->file, buf_slice(&snapshot->added));
    if (r) {
        call_done(snapshot, new_file_error(&snapshot->file, r));
        return;
    }
    buf_done(&snapshot->added);
    snapshot->log->member.twin_fd = snapshot->file.fd;
    set_phase(snapshot, READY);
    call_done(snapshot, NULL);
}

static void on_job_done(struct job *job)
{
    struct cluster_snapshot *snapshot = CONTAINER_OF(job, struct cluster_snapshot, job);
    struct ovsdb_error *error;

    if (atomic_load(&snapshot->is_canceled)) {
        cluster_snapshot_free(snapshot);
        return;
    }
    error = cluster_snapshot_problem(snapshot);
    if (error) {
        call_done(snapshot, error);
    } else {
        copy_or_end(snapshot);
    }
}

// What the contents say besides the snapshot, as records.
static void put_contents(struct buf *buf, const struct member_log *contents, uint64_t index)
{
    bool has_vote = !uuid_is_zero(contents->vote);

    cluster_log_put_record(
        buf, &(struct file_record){.kind = has_vote ? FILE_RECORD_VOTE : FILE_RECORD_TERM,
                                   .term = contents->term,
                                   .server = contents->vote});
    for (uint64_t i = index + 1; i <= member_log_last_index(contents); i++) {
        cluster_log_put_record(buf, &(struct file_record){.kind = FILE_RECORD_ENTRY,
                                                          .entry = *member_log_entry(contents, i)});
    }
    if (contents->commit_index > index) {
        cluster_log_put_record(buf, &(struct file_record){.kind = FILE_RECORD_COMMIT_INDEX,
                                                          .commit_index = contents->commit_index});
    }
    if (contents->has_left) {
        cluster_log_put_record(
            buf, &(struct file_record){.kind = FILE_RECORD_NOTE, .note = (char *)FILE_NOTE_LEFT});
    }
}

void cluster_log_start_snapshot(struct cluster_log *log, struct snapshot *rows, uint64_t index,
                                void (*done)(void *userdata, const struct ovsdb_error *error),
                                void *userdata)
{
    struct cluster_snapshot *snapshot = NEW(struct cluster_snapshot);

    assert(log->has_joined && !log->snapshot);
    snapshot->log = log;
    snapshot->rows = rows;
    snapshot->done = done;
    snapshot->userdata = userdata;
    snapshot->header = member_log_header_at(log->contents, index);
    put_contents(&snapshot->moving, log->contents, index);
    snapshot->error = cluster_log_check_in_place(log)
                          ? new_file_open(log->real_path, log->member.fd, &snapshot->file)
                          : cluster_log_failure_error(log);
    snapshot->has_file = !snapshot->error;
    log->snapshot = snapshot;
    job_init(&snapshot->job, log->member.group_commit, run_mt, on_job_done);
    job_start(&snapshot->job);
}

void cluster_log_cancel_snapshot(struct cluster_log *log)
{
    struct cluster_snapshot *snapshot = log->snapshot;

    if (!snapshot) {
        return;
    }
    atomic_store(&snapshot->is_canceled, true);
    if (job_is_running(&snapshot->job)) {
        job_finish(&snapshot->job);
    } else {
        cluster_snapshot_free(snapshot);
    }
}

void cluster_snapshot_add(struct cluster_log *log, const struct file_record *record)
{
    struct cluster_snapshot *snapshot = log->snapshot;
    uint64_t index;

    if (!snapshot) {
        return;
    }
    index = snapshot->header.prev_index;
    if (record->kind == FILE_RECORD_ENTRY && record->entry.index <= index) {
        // An entry that is committed is there already, see member_log_add().
        snapshot->is_outdated |= record->entry.index > log->contents->commit_index;
    } else if (record->kind != FILE_RECORD_COMMIT_INDEX || record->commit_index > index) {
        cluster_log_put_record(&snapshot->unwritten, record);
    }
}

// Writes the records to the new file, which is READY. A failure ends the snapshot.
static bool write_to_new_file(struct cluster_snapshot *snapshot)
{
    int r = put_text(&snapshot->file, buf_slice(&snapshot->unwritten));

    buf_clear(&snapshot->unwritten);
    if (r) {
        snapshot->error = new_file_error(&snapshot->file, r);
        drop_file(snapshot);
    }
    return !r;
}

void cluster_snapshot_written(struct cluster_log *log)
{
    struct cluster_snapshot *snapshot = log->snapshot;

    if (!snapshot) {
        return;
    }
    if (snapshot->phase == READY && snapshot->has_file) {
        write_to_new_file(snapshot);
    } else {
        buf_put_slice(&snapshot->added, buf_slice(&snapshot->unwritten));
        buf_clear(&snapshot->unwritten);
    }
}

// Puts the new file in the place of the old one. On error file.temp_path tells if it has the name.
static struct ovsdb_error *put_in_place(struct cluster_snapshot *snapshot)
{
    struct ovsdb_error *error;

    // Records that are in no file yet may not fit into the old one, but the new one is shorter.
    if (!write_to_new_file(snapshot)) {
        return TAKE_PTR(snapshot->error);
    }
    error = fdatasync(snapshot->file.fd) < 0 ? new_file_error(&snapshot->file, -errno) : NULL;
    return error ? error : new_file_install(&snapshot->file, true);
}

// Uses the new file, which is installed.
static void use_new_file(struct cluster_snapshot *snapshot, size_t n_kept)
{
    struct cluster_log *log = snapshot->log;
    uint64_t old_size = log->size;

    log->member.twin_fd = -1;
    cluster_log_use_file(log, TAKE_FD(snapshot->file.fd), snapshot->file.size);
    member_log_rebase(log->contents, TAKE_PTR(snapshot->begin), n_kept);
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_COMPACTED,
              LOG_FIELDS({"OVSDB_DATABASE", log->contents->header.name}),
              "%s: compacted from %lu to %lu bytes", log->path, (unsigned long)old_size,
              (unsigned long)log->size);
    COUNT(cluster_snapshots);
}

struct ovsdb_error *cluster_log_finish_snapshot(struct cluster_log *log, size_t n_kept)
{
    struct cluster_snapshot *snapshot = log->snapshot;
    struct ovsdb_error *error;

    assert(snapshot && snapshot->phase == READY);
    error = cluster_snapshot_problem(snapshot);
    error = error ? error : put_in_place(snapshot);
    if (snapshot->has_file && !snapshot->file.temp_path) {
        use_new_file(snapshot, n_kept);
        if (error) {
            cluster_log_fail(log, -EIO, "the directory of the new file cannot be synced");
        }
    }
    cluster_snapshot_free(snapshot);
    return error;
}
