// SPDX-License-Identifier: Apache-2.0
// Compaction beside the running server.
//
//     COLLECTING --all rows known--> WRITING --snapshot synced--> COPYING --little left-->
//     INSTALLING --in its place--> (freed)
//      engine thread, in steps        helper                       helper, rounds            helper
//
// The new file is the snapshot of one moment, and behind it, byte for byte, the records appended to
// the old file since. The helper copies most of them. When little is left, the engine thread copies
// the rest itself and from then on appends to both files: so the new file, the twin, lacks nothing
// any more. The helper syncs it, renames it over the old one and syncs the directory; meanwhile
// each batch of the group commit syncs both. Thus whichever of the two files a crash leaves under the name,
// it is whole and has everything that anybody was told of. Up to the rename the old file counts and
// the temporary one is thrown away; after it there is no way back.
#include "store/store_private.h"

#include "basic/counter.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/job.h"
#include "store/new_file.h"

#include <errno.h>
#include <fcntl.h>

LOG_MODULE(store);
COUNTER(compactions, "Database files compacted");

#define COPY_ENOUGH ((uint64_t)256 << 10) // bytes that the engine thread copies itself
#define COPY_ROUNDS 20                    // then the writers are faster than we are
#define COPY_SIZE   ((size_t)1 << 20)

enum phase { COLLECTING, WRITING, COPYING, INSTALLING };

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
    uint64_t old_size;  // of the old file at the snapshot's moment
    uint64_t copied;    // of the old file, from old_size on
    uint64_t copy_to;   // of this round
    uint64_t n_records; // of the store at the snapshot's moment
    unsigned n_rounds;
    char *comment;
    struct ovsdb_error *error; // of the helper
    struct waiter *waiters;
    size_t n_waiters, waiters_capacity;
};

// What the helper does. It is the only one to touch `file` meanwhile.

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

static int copy(struct compaction *compaction, uint64_t to, struct buf *buf)
{
    buf_reserve(buf, COPY_SIZE);
    while (compaction->copied < to) {
        size_t size = (size_t)MIN(to - compaction->copied, (uint64_t)COPY_SIZE);
        ssize_t n = pread(compaction->old_fd, buf->data, size, (off_t)compaction->copied);
        int r;

        if (n <= 0) {
            return n < 0 ? -errno : -EIO; // somebody made it shorter
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
        r = copy(compaction, compaction->copy_to, &buf);
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
    static const char *const names[] = {"collecting", "writing", "copying", "installing"};

    log_dbg("%s: compaction: %s", compaction->store->path, names[phase]);
    compaction->phase = phase;
}

// Takes `error`.
static void tell_waiters(struct compaction *compaction, struct ovsdb_error *error)
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
    snapshot_free(compaction->snapshot);
    schema_unref(compaction->schema);
    free(compaction->comment);
    free(compaction->waiters);
    free(compaction);
}

// Over, well or not: `compaction` is gone. Takes `error`.
static void end(struct compaction *compaction, struct ovsdb_error *error)
{
    struct store *store = compaction->store;

    if (compaction->has_file) {
        if (store->member.twin_fd >= 0) {
            store->member.twin_fd = -1;
            group_commit_member_close(&store->member, TAKE_FD(compaction->file.fd));
        }
        new_file_done(&compaction->file);
    }
    if (error) {
        store->compacted_at = clock_monotonic(); // not again at once
        store_check_in_place(store);
    }
    store->compaction = NULL;
    log_dbg("%s: compaction: over", store->path);
    tell_waiters(compaction, error);
    compaction_free(compaction);
}

// The new file has the name.
static void take_over(struct compaction *compaction)
{
    struct store *store = compaction->store;
    uint64_t n_records = store->n_records - compaction->n_records;

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

// If the directory cannot be synced, nobody knows which of the two files a power cut leaves: so
// nothing more may be committed.
static void on_installed(struct compaction *compaction)
{
    struct ovsdb_error *error = TAKE_PTR(compaction->error);

    if (!compaction->file.temp_path) {
        take_over(compaction);
        if (error) {
            store_fail(compaction->store, -EIO, "the directory of the new file cannot be synced");
        }
    }
    end(compaction, error);
}

// The rest of the records, and from now on both files.
static void install(struct compaction *compaction)
{
    struct store *store = compaction->store;
    _cleanup_buf_ struct buf buf = {0};
    int r = copy(compaction, store->size, &buf);

    if (r) {
        end(compaction, new_file_error(&compaction->file, r));
        return;
    }
    store->member.twin_fd = compaction->file.fd;
    store->twin_size = compaction->file.size;
    set_phase(compaction, INSTALLING);
    job_start(&compaction->job);
}

static void copy_or_install(struct compaction *compaction)
{
    uint64_t left = compaction->store->size - compaction->copied;

    if (left <= COPY_ENOUGH || compaction->n_rounds++ >= COPY_ROUNDS) {
        install(compaction);
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
        end(compaction, TAKE_PTR(compaction->error));
    } else if (store->failure) {
        end(compaction, store_failure_error(store));
    } else if (check_canceled(compaction)) {
        end(compaction, new_file_error(&compaction->file, -ECANCELED));
    } else {
        copy_or_install(compaction);
    }
}

static void write_snapshot(struct compaction *compaction)
{
    struct store *store = compaction->store;
    struct ovsdb_error *error =
        store_check(store) ? store_failure_error(store)
                           : new_file_open(store->real_path, store->member.fd, &compaction->file);

    if (error) {
        end(compaction, error);
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
        write_snapshot(compaction);
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
        end(compaction, error_io(ECANCELED, "%s: cannot be compacted", store->path));
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
