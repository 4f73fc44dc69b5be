// SPDX-License-Identifier: Apache-2.0
// Conversion beside the running server.
//
//     WAITING --no compaction--> COLLECTING --all rows known--> CONVERTING --> (freed)
//                                 engine thread, in steps        helper
//
// Nothing is committed from the start to the end of it, so the rows of the old database stay as
// they are; they are read all the while. The helper makes the new database from their printed
// values, which shares nothing with the old one: reference counts are not atomic. It checks every
// constraint, writes the new file and puts it in place. Up to the rename an error, or the store's
// end, leaves everything as it was.
#include "basic/messages.h"
#include "store/convert.h"
#include "store/job.h"
#include "store/new_file.h"
#include "store/store_private.h"

#include "basic/log.h"

#include <errno.h>

LOG_MODULE(store);

enum phase { WAITING, COLLECTING, CONVERTING };

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
    struct db *db; // the new one; then the old one, for done()
    struct ovsdb_error *error;
    store_converted_function *done;
    void *userdata;
};

static int on_step_mt(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    const struct conversion *conversion = userdata;

    return atomic_load(&conversion->is_canceled) ? -ECANCELED : 0;
}

// The rows are those of the new database, which nobody else has yet.
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

static void conversion_free(struct conversion *conversion)
{
    snapshot_free(conversion->snapshot);
    schema_unref(conversion->schema);
    free(conversion->comment);
    free(conversion);
}

// Over, well or not: `conversion` is gone. Takes `error`.
static void end(struct conversion *conversion, struct ovsdb_error *error)
{
    struct db *db = TAKE_PTR(conversion->db);

    if (conversion->has_file) {
        new_file_done(&conversion->file);
    }
    snapshot_free(TAKE_PTR(conversion->snapshot));
    conversion->store->conversion = NULL;
    conversion->done(conversion->userdata, db, error);
    error_free(error);
    conversion_free(conversion);
}

// The new file has the name, and holds and has synced all that the old one was given.
static void take_over(struct conversion *conversion)
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
        end(conversion, error);
        return;
    }
    take_over(conversion);
    if (error) {
        store_fail(conversion->store, -EIO, "the directory of the new file cannot be synced");
    }
    error_free(error);
    end(conversion, NULL);
}

static void convert(struct conversion *conversion)
{
    struct store *store = conversion->store;
    struct ovsdb_error *error =
        store_check(store) ? store_failure_error(store)
                           : new_file_open(store->real_path, store->member.fd, &conversion->file);

    if (error) {
        end(conversion, error);
        return;
    }
    conversion->has_file = true;
    conversion->phase = CONVERTING;
    job_start(&conversion->job);
}

void store_start_conversion(struct store *store, struct schema *schema,
                            store_converted_function *done, void *userdata)
{
    struct conversion *conversion = NEW(struct conversion);
    char id[UUID_TEXT_SIZE];

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

static bool step(struct conversion *conversion)
{
    struct store *store = conversion->store;

    switch (conversion->phase) {
    case WAITING:
        if (store_is_compacting(store)) {
            return false;
        }
        conversion->snapshot = snapshot_new(store->db);
        conversion->phase = COLLECTING;
        return true;
    case COLLECTING:
        if (!snapshot_collect(conversion->snapshot, STEP_ROWS)) {
            convert(conversion);
        }
        return store->conversion && store->conversion->phase == COLLECTING;
    case CONVERTING:
        return false;
    }
    return false;
}

bool store_run_conversion(struct store *store)
{
    return store->conversion && step(store->conversion);
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
        end(conversion, error_io(ECANCELED, "%s: cannot be converted", store->path));
    }
}
