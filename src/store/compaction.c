// SPDX-License-Identifier: Apache-2.0
// Compaction while the server runs.
//
//     COLLECTING --all rows collected--> WRITING --snapshot synced--> COPYING --little is left-->
//     engine thread, in steps            helper thread                helper, in rounds
//
//     INSTALLING --file installed--> (freed)
//     helper thread
//
// COPYING is left out if little is to be copied after WRITING. An error ends each of the states.
//
// The new file consists of the snapshot and a copy of the records that were appended to the old
// file since. The helper copies most of them. When few bytes are left, the engine thread copies the
// rest and from then on appends each record to both files. So the new file, the twin, is complete.
// The helper syncs it, renames it over the old file and syncs the directory; meanwhile each batch
// of the group commit syncs both files (I-6). Whichever of the two a crash leaves under the name,
// it is whole and has all acknowledged commits. Before the rename an error drops the temporary file
// and the old file remains in use; after the rename the new file is used.
#include "store/encode.h"
#include "store/store_private.h"

#include "basic/counter.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/job.h"
#include "store/new_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

LOG_MODULE(store);
COUNTER(compactions, "Database files compacted");

#define COPY_ENOUGH ((uint64_t)256 << 10) // bytes that the engine thread copies
#define COPY_ROUNDS 20 // after so many the engine thread copies the rest: clients write too fast
#define COPY_SIZE   ((size_t)1 << 20)

enum phase { COLLECTING, WRITING, COPYING, INSTALLING, N_PHASES };

static const char *const phase_names[N_PHASES] = {[COLLECTING] = "collecting",
                                                  [WRITING] = "writing",
                                                  [COPYING] = "copying",
                                                  [INSTALLING] = "installing"};

static const unsigned allowed_moves[N_PHASES] = {
    [COLLECTING] = 1u << WRITING,
    [WRITING] = 1u << COPYING | 1u << INSTALLING,
    [COPYING] = 1u << COPYING | 1u << INSTALLING,
};

struct waiter {
    void (*done)(void *userdata, const struct ovsdb_error *error);
    void *userdata;
};

struct compaction {
    struct store *store;
    enum phase phase;
    struct snapshot *snapshot;
    struct schema *schema;
    struct job job;
    const struct progress *progress; // of store_compact(), or NULL
    atomic_bool is_canceled;
    struct new_file file;
    bool has_file;
    int old_fd;
    uint64_t old_size;  // of the old file when the snapshot was made
    uint64_t copied;    // the old file has been copied from old_size to here
    uint64_t copy_to;   // and is copied to here in this round
    uint64_t n_records; // of the store when the snapshot was made
    unsigned n_rounds;
    char *comment;
    struct ovsdb_error *error; // of the helper
    struct waiter *waiters;
    size_t n_waiters, waiters_capacity;
};

// The helper thread. While it runs, the engine thread does not use `file`.

static int check_canceled(struct compaction *compaction)
{
    return atomic_load(&compaction->is_canceled) ? -ECANCELED : 0;
}

static int on_step_mt(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    struct compaction *compaction = userdata;
    int r = check_canceled(compaction);

    return r ? r : progress_step(compaction->progress, what, done, total);
}

static int copy_records(struct compaction *compaction, uint64_t to, struct buf *buf)
{
    buf_reserve(buf, COPY_SIZE);
    while (compaction->copied < to) {
        size_t size = (size_t)MIN(to - compaction->copied, (uint64_t)COPY_SIZE);
        ssize_t n = pread(compaction->old_fd, buf->data, size, (off_t)compaction->copied);
        int r;

        if (n <= 0) {
            return n < 0 ? -errno : -EIO; // 0: another program has truncated the file
        }
        r = file_write_at(compaction->file.fd, buf->data, (size_t)n, (off_t)compaction->file.size);
        if (r) {
            return r;
        }
        compaction->file.size += (uint64_t)n;
        compaction->copied += (uint64_t)n;
    }
    return 0;
}

static int write_mt(struct compaction *compaction)
{
    const struct progress progress = {on_step_mt, compaction};
    int r = new_file_put_schema(&compaction->file, compaction->schema);

    if (!r) {
        r = new_file_put_rows(&compaction->file, compaction->snapshot, compaction->comment,
                              &progress);
    }
    return r ? r : new_file_sync(&compaction->file, &progress);
}

static int copy_mt(struct compaction *compaction)
{
    _cleanup_buf_ struct buf buf = {0};
    int r = check_canceled(compaction);

    if (!r) {
        r = copy_records(compaction, compaction->copy_to, &buf);
    }
    return !r && fdatasync(compaction->file.fd) < 0 ? -errno : r;
}

static struct ovsdb_error *install_mt(struct compaction *compaction)
{
    if (fdatasync(compaction->file.fd) < 0) {
        return new_file_error(&compaction->file, -errno);
    }
    return new_file_install(&compaction->file, true);
}

static void run_mt(struct job *job)
{
    struct compaction *compaction = CONTAINER_OF(job, struct compaction, job);
    int r;

    assert(!compaction->error);
    if (compaction->phase == INSTALLING) {
        compaction->error = install_mt(compaction);
        return;
    }
    r = compaction->phase == WRITING ? write_mt(compaction) : copy_mt(compaction);
    if (r) {
        compaction->error = new_file_error(&compaction->file, r);
    }
}

// The engine thread.

static void set_phase(struct compaction *compaction, enum phase phase)
{
    assert(allowed_moves[compaction->phase] & 1u << phase);
    log_dbg("%s: compaction: %s -> %s", compaction->store->path, phase_names[compaction->phase],
            phase_names[phase]);
    compaction->phase = phase;
}

// Takes `error`.
static void call_waiters(struct compaction *compaction, struct ovsdb_error *error)
{
    for (size_t i = 0; i < compaction->n_waiters; i++) {
        const struct waiter *waiter = &compaction->waiters[i];

        waiter->done(waiter->userdata, error);
    }
    compaction->n_waiters = 0;
    error_free(error);
}

static void compaction_free(struct compaction *compaction)
{
    assert(!compaction->n_waiters && !compaction->error);
    assert(!job_is_running(&compaction->job));
    snapshot_free(compaction->snapshot);
    schema_unref(compaction->schema);
    free(compaction->comment);
    free(compaction->waiters);
    free(compaction);
}

// Ends a compaction, after success or failure, and frees it. Takes `error`.
static void compaction_end(struct compaction *compaction, struct ovsdb_error *error)
{
    struct store *store = compaction->store;

    assert(store->compaction == compaction);
    if (compaction->has_file) {
        if (store->member.twin_fd >= 0) {
            store->member.twin_fd = -1;
            group_commit_member_close(&store->member, TAKE_FD(compaction->file.fd));
        }
        new_file_done(&compaction->file);
    }
    if (error) {
        store->compacted_at = clock_monotonic(); // delays the next automatic compaction
        store_check_in_place(store);
    }
    store->compaction = NULL;
    log_dbg("%s: compaction: ended", store->path);
    call_waiters(compaction, error);
    compaction_free(compaction);
}

// Makes the store use the new file, which is installed.
static void compaction_succeed(struct compaction *compaction)
{
    struct store *store = compaction->store;
    uint64_t n_records = store->n_records - compaction->n_records;

    assert(store->member.twin_fd >= 0 && store->member.twin_fd == compaction->file.fd);
    assert(store->member.fd == compaction->old_fd);
    store->member.fd = store->member.twin_fd;
    store->member.twin_fd = -1;
    (void)TAKE_FD(compaction->file.fd);
    group_commit_member_close(&store->member, compaction->old_fd);
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_COMPACTED,
              LOG_FIELDS({"OVSDB_DATABASE", compaction->schema->name}),
              "%s: compacted from %lu to %lu bytes", store->path, (unsigned long)store->size,
              (unsigned long)store->twin_size);
    COUNT(compactions);
    store->compacted_at = clock_monotonic();
    store->compacted_size = compaction->file.size - (compaction->copied - compaction->old_size);
    store->size = store->twin_size;
    store->n_records = n_records;
    store_mark_file(store);
}

// If the directory cannot be synced, a power failure may leave either file, so the database becomes
// read-only.
static void on_installed(struct compaction *compaction)
{
    struct ovsdb_error *error = TAKE_PTR(compaction->error);

    if (!compaction->file.temp_path) {
        compaction_succeed(compaction);
        if (error) {
            store_fail(compaction->store, -EIO, "the directory of the new file cannot be synced");
        }
    }
    compaction_end(compaction, error);
}

// Copies the rest of the records; from now on they are appended to both files.
static void start_installing(struct compaction *compaction)
{
    struct store *store = compaction->store;
    _cleanup_buf_ struct buf buf = {0};
    int r = copy_records(compaction, store->size, &buf);

    if (r) {
        compaction_end(compaction, new_file_error(&compaction->file, r));
        return;
    }
    assert(compaction->copied == store->size && store->member.twin_fd < 0);
    store->member.twin_fd = compaction->file.fd;
    store->twin_size = compaction->file.size;
    set_phase(compaction, INSTALLING);
    job_start(&compaction->job);
}

static void copy_or_install(struct compaction *compaction)
{
    uint64_t left = compaction->store->size - compaction->copied;

    assert(compaction->copied <= compaction->store->size);
    if (left <= COPY_ENOUGH || compaction->n_rounds++ >= COPY_ROUNDS) {
        start_installing(compaction);
        return;
    }
    compaction->copy_to = compaction->store->size;
    set_phase(compaction, COPYING);
    job_start(&compaction->job);
}

static void on_job_done(struct job *job)
{
    struct compaction *compaction = CONTAINER_OF(job, struct compaction, job);
    struct store *store = compaction->store;

    if (compaction->phase == INSTALLING) {
        on_installed(compaction);
    } else if (compaction->error) {
        compaction_end(compaction, TAKE_PTR(compaction->error));
    } else if (store->failure) {
        compaction_end(compaction, store_failure_error(store));
    } else if (check_canceled(compaction)) {
        compaction_end(compaction, new_file_error(&compaction->file, -ECANCELED));
    } else {
        copy_or_install(compaction);
    }
}

static void start_writing(struct compaction *compaction)
{
    struct store *store = compaction->store;
    struct ovsdb_error *error =
        store_check(store) ? store_failure_error(store)
                           : new_file_open(store->real_path, store->member.fd, &compaction->file);

    if (error) {
        compaction_end(compaction, error);
        return;
    }
    compaction->has_file = true;
    compaction->old_fd = store->member.fd;
    set_phase(compaction, WRITING);
    job_start(&compaction->job);
}

static struct compaction *compaction_new(struct store *store)
{
    struct compaction *compaction = NEW(struct compaction);
    char id[UUID_TEXT_SIZE];

    compaction->store = store;
    compaction->snapshot = snapshot_new(store->db);
    compaction->schema = schema_ref(db_schema(store->db));
    compaction->old_size = compaction->copied = store->size;
    compaction->n_records = store->n_records;
    compaction->comment =
        xasprintf("%s%s", COMPACTED_COMMENT, uuid_text(db_tail(store->db)->txn_id, id));
    job_init(&compaction->job, store->member.group_commit, run_mt, on_job_done);
    return compaction;
}

static struct ovsdb_error *check_writable(struct store *store)
{
    if (!store->lockfile) {
        return error_new(ERROR_NOT_ALLOWED, "%s: the database is open for reading only",
                         store->path);
    }
    if (store_is_converting(store)) {
        return error_new(ERROR_RESOURCES, "%s: the database is being converted", store->path);
    }
    return store_check(store) ? store_failure_error(store) : NULL;
}

void store_start_compaction(struct store *store,
                            void (*done)(void *userdata, const struct ovsdb_error *error),
                            void *userdata)
{
    struct ovsdb_error *error = check_writable(store);
    struct compaction *compaction;

    if (error) {
        if (done) {
            done(userdata, error);
        }
        error_free(error);
        return;
    }
    if (!store->compaction) {
        store->compaction = compaction_new(store);
    }
    compaction = store->compaction;
    if (done) {
        GROW(compaction->waiters, compaction->n_waiters, compaction->waiters_capacity);
        compaction->waiters[compaction->n_waiters++] = (struct waiter){done, userdata};
    }
}

bool store_is_compacting(const struct store *store)
{
    return store->compaction != NULL;
}

static bool run_compaction(struct store *store)
{
    struct compaction *compaction = store->compaction;

    if (!compaction) {
        return false;
    }
    if (compaction->phase == COLLECTING && !snapshot_collect(compaction->snapshot, STEP_ROWS)) {
        start_writing(compaction);
    }
    return store->compaction && store->compaction->phase == COLLECTING;
}

bool store_run(struct store *store)
{
    bool more = run_compaction(store);

    return store_run_conversion(store) || more;
}

bool store_cancel_compaction(struct store *store)
{
    struct compaction *compaction = store->compaction;

    if (!compaction) {
        return false;
    }
    atomic_store(&compaction->is_canceled, true);
    return job_is_running(&compaction->job);
}

void store_stop_compaction(struct store *store)
{
    struct compaction *compaction = store->compaction;

    if (store_cancel_compaction(store)) {
        job_finish(&compaction->job);
    } else if (compaction) {
        compaction_end(compaction, error_io(ECANCELED, "%s: cannot be compacted", store->path));
    }
}

static void keep_error(void *userdata, const struct ovsdb_error *error)
{
    if (error) {
        *(struct ovsdb_error **)userdata = error_new(error->tag, "%s", error->details);
    }
}

struct ovsdb_error *store_compact(struct store *store, const struct progress *progress)
{
    struct ovsdb_error *error = NULL;

    store_start_compaction(store, keep_error, &error);
    if (store->compaction) {
        store->compaction->progress = progress;
    }
    while (store->compaction) {
        if (!store_run(store) && store->compaction) {
            job_finish(&store->compaction->job);
        }
    }
    return error;
}
