// SPDX-License-Identifier: Apache-2.0
// Conversion to another schema while the server runs.
//
//     WAITING --no compaction runs--> COLLECTING --all rows collected--> CONVERTING --> (freed)
//                                     engine thread, in steps            helper thread
//
// Commits are rejected during a conversion, so the rows of the old database do not change; clients
// continue to read them. The helper makes the new database from their printed values: the two share
// nothing, because reference counts are not atomic. It checks every constraint, writes the new file
// and installs it. Until the file is renamed, an error or the closing of the store leaves the old
// database unchanged.
#include "basic/messages.h"
#include "store/convert.h"
#include "store/encode.h"
#include "store/job.h"
#include "store/new_file.h"
#include "store/store_private.h"

#include "basic/log.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);

enum phase { WAITING, COLLECTING, CONVERTING, N_PHASES };

static const char *const phase_names[N_PHASES] = {
    [WAITING] = "waiting", [COLLECTING] = "collecting", [CONVERTING] = "converting"};

static const unsigned allowed_moves[N_PHASES] = {
    [WAITING] = 1u << COLLECTING, [COLLECTING] = 1u << CONVERTING};

struct conversion {
    struct store *store;
    enum phase phase;
    struct schema *schema;
    struct snapshot *snapshot;
    struct job job;
    atomic_bool is_canceled;
    struct new_file file;
    bool has_file;
    struct uuid id;
    char *comment;
    struct db *db; // the new database; after conversion_succeed() the old one, for done()
    struct ovsdb_error *error;
    store_converted_function *done;
    void *userdata;
};

static int on_step_mt(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    const struct conversion *conversion = userdata;

    return atomic_load(&conversion->is_canceled) ? -ECANCELED : 0;
}

// Writes the rows of the new database, which only the helper uses.
static int write_rows_mt(struct conversion *conversion, const struct progress *progress)
{
    struct snapshot *snapshot = snapshot_new(conversion->db);
    int r;

    snapshot_collect(snapshot, SIZE_MAX);
    r = new_file_put_rows(&conversion->file, snapshot, conversion->comment, progress);
    snapshot_free(snapshot);
    return r;
}

static struct ovsdb_error *write_mt(struct conversion *conversion, const struct progress *progress)
{
    int r = new_file_put_schema(&conversion->file, conversion->schema);

    if (!r) {
        r = write_rows_mt(conversion, progress);
    }
    if (!r && fsync(conversion->file.fd) < 0) {
        r = -errno;
    }
    if (!r && atomic_load(&conversion->is_canceled)) {
        r = -ECANCELED;
    }
    return r ? new_file_error(&conversion->file, r) : new_file_install(&conversion->file, true);
}

static void run_mt(struct job *job)
{
    struct conversion *conversion = CONTAINER_OF(job, struct conversion, job);
    const struct progress progress = {on_step_mt, conversion};

    assert(conversion->phase == CONVERTING && !conversion->db);
    text_thread_begin();
    conversion->error =
        convert_rows(conversion->snapshot, conversion->schema, &progress, &conversion->db);
    if (!conversion->error) {
        conversion->error = write_mt(conversion, &progress);
    }
    if (conversion->file.temp_path) {
        db_free(TAKE_PTR(conversion->db));
    }
    text_thread_end();
}

static void set_phase(struct conversion *conversion, enum phase phase)
{
    assert(allowed_moves[conversion->phase] & 1u << phase);
    log_dbg("%s: conversion: %s -> %s", conversion->store->path, phase_names[conversion->phase],
            phase_names[phase]);
    conversion->phase = phase;
}

static void conversion_free(struct conversion *conversion)
{
    assert(!conversion->db && !conversion->error && !conversion->snapshot);
    assert(!job_is_running(&conversion->job));
    schema_unref(conversion->schema);
    free(conversion->comment);
    free(conversion);
}

// Ends a conversion, after success or failure, and frees it. Takes `error`.
static void conversion_end(struct conversion *conversion, struct ovsdb_error *error)
{
    struct db *db = TAKE_PTR(conversion->db);

    assert(conversion->store->conversion == conversion);
    assert(!db == !!error);
    if (conversion->has_file) {
        new_file_done(&conversion->file);
    }
    snapshot_free(TAKE_PTR(conversion->snapshot));
    conversion->store->conversion = NULL;
    conversion->done(conversion->userdata, db, error);
    error_free(error);
    conversion_free(conversion);
}

// Makes the store use the new file, which is installed and synced.
static void conversion_succeed(struct conversion *conversion)
{
    struct store *store = conversion->store;
    struct db *old = store->db;
    int old_fd = store->member.fd;

    store->member.fd = TAKE_FD(conversion->file.fd);
    group_commit_member_synced(&store->member);
    group_commit_member_close(&store->member, old_fd);
    store_mark_compacted(store, conversion->file.size);
    db_set_last_txn_id(conversion->db, conversion->id);
    db_set_log(old, NULL);
    store->db = conversion->db;
    db_set_log(store->db, &store->log);
    conversion->db = old;
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_REPLACED,
              LOG_FIELDS({"OVSDB_DATABASE", conversion->schema->name}),
              "%s: converted to schema version \"%s\"", store->path,
              conversion->schema->version ? conversion->schema->version : "");
}

static void on_job_done(struct job *job)
{
    struct conversion *conversion = CONTAINER_OF(job, struct conversion, job);
    struct ovsdb_error *error = TAKE_PTR(conversion->error);

    if (!conversion->has_file || conversion->file.temp_path) {
        conversion_end(conversion, error);
        return;
    }
    conversion_succeed(conversion);
    if (error) {
        store_fail(conversion->store, -EIO, "the directory of the new file cannot be synced");
    }
    error_free(error);
    conversion_end(conversion, NULL);
}

static void start_converting(struct conversion *conversion)
{
    struct store *store = conversion->store;
    struct ovsdb_error *error =
        store_check(store) ? store_failure_error(store)
                           : new_file_open(store->real_path, store->member.fd, &conversion->file);

    if (error) {
        conversion_end(conversion, error);
        return;
    }
    conversion->has_file = true;
    set_phase(conversion, CONVERTING);
    job_start(&conversion->job);
}

void store_start_conversion(struct store *store, struct schema *schema,
                            store_converted_function *done, void *userdata)
{
    struct conversion *conversion = NEW(struct conversion);
    char id[UUID_TEXT_SIZE];

    assert(!store->conversion && store->lockfile);
    conversion->store = store;
    conversion->schema = schema_ref(schema);
    conversion->id = uuid_random();
    conversion->comment = xasprintf("%s%s", CONVERTED_COMMENT, uuid_text(conversion->id, id));
    conversion->done = done;
    conversion->userdata = userdata;
    job_init(&conversion->job, store->member.group_commit, run_mt, on_job_done);
    store->conversion = conversion;
}

int store_conversion_fd(const struct store *store)
{
    const struct conversion *conversion = store->conversion;

    return conversion && conversion->has_file ? conversion->file.fd : -1;
}

bool store_is_converting(const struct store *store)
{
    return store->conversion != NULL;
}

static bool conversion_step(struct conversion *conversion)
{
    struct store *store = conversion->store;

    switch (conversion->phase) {
    case WAITING:
        if (store_is_compacting(store)) {
            return false;
        }
        conversion->snapshot = snapshot_new(store->db);
        set_phase(conversion, COLLECTING);
        return true;
    case COLLECTING:
        if (!snapshot_collect(conversion->snapshot, STEP_ROWS)) {
            start_converting(conversion);
        }
        return store->conversion && store->conversion->phase == COLLECTING;
    default:
        return false; // the helper works
    }
}

bool store_run_conversion(struct store *store)
{
    return store->conversion && conversion_step(store->conversion);
}

bool store_cancel_conversion(struct store *store)
{
    struct conversion *conversion = store->conversion;

    if (!conversion) {
        return false;
    }
    atomic_store(&conversion->is_canceled, true);
    return job_is_running(&conversion->job);
}

void store_stop_conversion(struct store *store)
{
    struct conversion *conversion = store->conversion;

    if (store_cancel_conversion(store)) {
        job_finish(&conversion->job);
    } else if (conversion) {
        conversion_end(conversion, error_io(ECANCELED, "%s: cannot be converted", store->path));
    }
}
