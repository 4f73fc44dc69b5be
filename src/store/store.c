// SPDX-License-Identifier: Apache-2.0
// Opening and closing a store.
#include "store/store_private.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/load.h"
#include "store/new_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

LOG_MODULE(store);

#define COMPACT_MIN_SIZE     (10u << 20)
#define COMPACT_MIN_RECORDS  100
#define COMPACT_MIN_INTERVAL (10 * 60 * USEC_PER_SEC)
#define COMPACT_MAX_INTERVAL (24 * 3600 * USEC_PER_SEC)

static void on_sync_failed(struct group_commit_member *member, int error)
{
    store_fail(member->store, error, "what was written cannot be synced");
}

// A sync has failed if the synced file is not the file that the next start will read.
static int on_synced(struct group_commit_member *member)
{
    struct store *store = member->store;

    if (!store_check_in_place(store)) {
        return -ESTALE;
    }
    if (store->is_closing && !group_commit_member_is_dirty(member)) {
        store->has_unsynced = false; // the sync began after the last record
    }
    return 0;
}

// Takes the lock before the file is loaded. Checks before the lock that it is a database file,
// because the lock file remains beside it.
static struct ovsdb_error *open_file(struct store *store, enum store_mode mode)
{
    int r = file_resolve(store->path, &store->real_path);
    struct ovsdb_error *error;
    _cleanup_reader_ struct reader *reader = NULL;

    if (r) {
        return error_io(-r, "%s: cannot be opened", store->path);
    }
    error = reader_open(store->path, &reader);
    if (!error && mode != STORE_READ_ONLY) {
        error = lockfile_acquire(store->real_path, &store->lockfile);
    }
    if (error) {
        return error;
    }
    store->member.fd = open(store->real_path, (mode == STORE_READ_ONLY ? O_RDONLY : O_RDWR) |
                                                  O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (store->member.fd < 0) {
        return error_io(errno, "%s: cannot be opened", store->path);
    }
    return NULL;
}

static struct ovsdb_error *end_torn(struct store *store, const struct reader *reader,
                                    const struct progress *progress)
{
    uint64_t left = reader_file_size(reader) - store->size;

    if (store->lockfile) {
        return cut_torn(&(struct torn_file){.fd = store->member.fd,
                                            .path = store->path,
                                            .real_path = store->real_path,
                                            .database = db_schema(store->db)->name,
                                            .reason = reader_reason(reader),
                                            .size = store->size,
                                            .left = left},
                        progress);
    }
    // If a server has the file open, it may be writing the record now.
    if (lockfile_is_held(store->real_path)) {
        log_info("%s: %s; ignored the last %lu bytes", store->path, reader_reason(reader),
                 (unsigned long)left);
    } else {
        log_warn("%s: %s; ignored the last %lu bytes, a record that was not written to its end",
                 store->path, reader_reason(reader), (unsigned long)left);
    }
    return NULL;
}

static struct ovsdb_error *store_load(struct store *store, const struct load_options *options,
                                      struct load_damage *ret_damage)
{
    _cleanup_reader_ struct reader *reader = NULL;
    struct loaded loaded;
    struct ovsdb_error *error;

    error = reader_open_fd(store->member.fd, store->path, &reader);
    if (!error) {
        error = load_database(reader, store->path, options, &loaded, ret_damage);
    }
    if (error) {
        return error;
    }
    store->db = loaded.db;
    store->size = loaded.size;
    store->compacted_at = clock_monotonic();
    store->compacted_size = loaded.snapshot_size;
    store->n_records = loaded.n_records;
    error = loaded.is_torn ? end_torn(store, reader, options->progress) : NULL;
    store_mark_file(store);
    return error;
}

static char *absolute(const char *path)
{
    _cleanup_free_ char *folder = getcwd(NULL, 0);

    return dirs_path(folder ? folder : "", path);
}

// Loads the file. In the mode STORE_RECOVER cuts a damaged file to its whole prefix first.
static struct ovsdb_error *load_or_recover(struct store *store, enum store_mode mode,
                                           const struct load_options *options, bool *ret_is_damaged)
{
    struct load_damage damage = {0};
    struct ovsdb_error *error = store_load(store, options, &damage);

    if (error && damage.is_damaged && mode == STORE_RECOVER) {
        error_free(error);
        error = store_cut_damaged(store, options->progress, &damage);
        error = error ? error : store_load(store, options, &damage);
    }
    *ret_is_damaged = error && damage.is_damaged;
    if (*ret_is_damaged) {
        char *details = xasprintf(
            "%s; the file is damaged: \"ovsdb-tool check %s\" tells what is "
            "whole, \"ovsdb-tool recover %s NEW\" writes it to a new file",
            error->details, store->path, store->path);

        free(error->details);
        error->details = details;
    }
    return error;
}

static struct ovsdb_error *open_with(const char *path, enum store_mode mode,
                                     struct group_commit *group_commit,
                                     const struct load_options *options, struct store **ret,
                                     bool *ret_is_damaged)
{
    struct store *store = NEW(struct store);
    struct ovsdb_error *error;
    bool is_damaged = false;

    store->path = xstrdup(path);
    store->absolute_path = absolute(path);
    if (!group_commit) {
        group_commit = store->own_group_commit = group_commit_new(NULL, NULL);
    }
    store->log.append = store_append;
    positions_init(&store->log.positions);
    group_commit_member_init(&store->member, group_commit, store, &store->log.positions, on_synced,
                             on_sync_failed);
    error = open_file(store, mode);
    if (!error) {
        error = load_or_recover(store, mode, options, &is_damaged);
    }
    if (error) {
        store_close(store);
        if (ret_is_damaged) {
            *ret_is_damaged = is_damaged;
        }
        return error;
    }
    if (mode != STORE_READ_ONLY) {
        db_set_log(store->db, &store->log);
        log_event(LOG_LEVEL_INFO, MSG_DATABASE_OPENED,
                  LOG_FIELDS({"OVSDB_DATABASE", db_schema(store->db)->name}),
                  "%s: opened, %lu bytes", path, (unsigned long)store->size);
    }
    *ret = store;
    return NULL;
}

struct ovsdb_error *store_open(const char *path, enum store_mode mode,
                               struct group_commit *group_commit, const struct progress *progress,
                               struct store **ret, bool *ret_is_damaged)
{
    // The history is for clients: tools, which have no group commit, do not need it.
    const struct load_options options = {.progress = progress,
                                         .keep_history = group_commit != NULL};

    return open_with(path, mode, group_commit, &options, ret, ret_is_damaged);
}

struct ovsdb_error *store_open_apart(const char *path, enum store_mode mode,
                                     const struct progress *progress, struct store **ret,
                                     bool *ret_is_damaged)
{
    const struct load_options options = {.progress = progress, .keep_history = true};

    return open_with(path, mode, NULL, &options, ret, ret_is_damaged);
}

void store_join(struct store *store, struct group_commit *group_commit)
{
    int fd = store->member.fd;

    assert(store->own_group_commit && !store->has_unsynced);
    group_commit_member_leave(&store->member);
    group_commit_free(TAKE_PTR(store->own_group_commit));
    group_commit_member_init(&store->member, group_commit, store, &store->log.positions, on_synced,
                             on_sync_failed);
    store->member.fd = fd;
}

// Errors are logged: store_close() cannot fail. Settles all positions.
static void sync_before_close(struct store *store)
{
    int error;

    if (store->has_unsynced) {
        store_check_in_place(store);
    }
    error = group_commit_member_leave(&store->member);
    if (!error && store->has_unsynced && !store->failure && fdatasync(store->member.fd) < 0) {
        error = -errno;
    }
    if (error) {
        on_sync_failed(&store->member, error);
    }
    if (store->failure) {
        positions_lose(&store->log.positions);
    } else {
        positions_advance(&store->log.positions, store->log.positions.issued);
    }
    positions_done(&store->log.positions);
}

bool store_begin_close(struct store *store)
{
    struct group_commit_member *member = &store->member;
    bool is_busy = store_cancel_compaction(store);

    if (store_cancel_conversion(store) || is_busy) {
        return true;
    }
    if (store->has_unsynced && !store->is_closing && !store->failure) {
        store->is_closing = true;
        group_commit_member_check(member);
        group_commit_flush(member->group_commit);
    }
    return group_commit_member_is_dirty(member) || member->is_syncing;
}

struct db *store_close_keeping_db(struct store *store)
{
    struct db *db;

    store_stop_compaction(store);
    store_stop_conversion(store);
    sync_before_close(store);
    assert(!store->compaction && !store->conversion);
    assert(store->member.twin_fd < 0);
    db = store->db;
    if (db) {
        db_set_log(db, NULL);
    }
    if (store->member.fd >= 0) {
        close(store->member.fd);
    }
    lockfile_release(store->lockfile);
    group_commit_free(store->own_group_commit);
    buf_done(&store->record);
    free(store->path);
    free(store->absolute_path);
    free(store->real_path);
    free(store->failure);
    free(store->recovery);
    free(store);
    return db;
}

void store_close(struct store *store)
{
    if (store) {
        db_free(store_close_keeping_db(store));
    }
}

struct db *store_db(struct store *store)
{
    return store->db;
}

void store_set_column_diff(struct store *store, bool on)
{
    store->whole_values = !on;
}

uint64_t store_size(const struct store *store)
{
    return store->size;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const char *store_check(struct store *store)
{
    store_check_in_place(store);
    return store->failure;
}

const char *store_failure(const struct store *store)
{
    return store->failure;
}

const char *store_recovery(const struct store *store)
{
    return store->recovery;
}

int store_write_error(const struct store *store)
{
    return store->write_error;
}

bool store_wants_compaction(const struct store *store, usec_t now)
{
    usec_t age = now - store->compacted_at;

    if (!store->lockfile || store->failure || store->compaction || store->conversion ||
        store->n_records < COMPACT_MIN_RECORDS || now < store->compacted_at ||
        age < COMPACT_MIN_INTERVAL) {
        return false;
    }
    return age >= COMPACT_MAX_INTERVAL ||
           (store->size > COMPACT_MIN_SIZE && store->size >= store->compacted_size * 2);
}

void store_mark_compacted(struct store *store, uint64_t size)
{
    assert(store->lockfile && store->member.twin_fd < 0);
    store->size = size;
    store->compacted_size = size;
    store->compacted_at = clock_monotonic();
    store->n_records = 0;
    store->has_unsynced = false;
    store_mark_file(store);
}
