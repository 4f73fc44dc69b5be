// SPDX-License-Identifier: Apache-2.0
// Appends a change set as a record to the file, with one write. This is the path of every commit.
#include "store/store_private.h"

#include "basic/counter.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/encode.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);
COUNTER(records_appended, "Records appended to database files");
COUNTER(record_bytes_appended, "Bytes of these records");
COUNTER(record_write_errors, "Records that could not be written");

#define RECORD_KEEP (1u << 20) // a larger buffer is freed after its record

void store_fail(struct store *store, int error, const char *what)
{
    assert(error <= 0);
    if (store->failure) {
        return;
    }
    store->failure = error ? xasprintf("%s: %s", what, strerror(-error)) : xstrdup(what);
    log_event(LOG_LEVEL_ERR, MSG_DATABASE_FAILED,
              LOG_FIELDS({"OVSDB_DATABASE", db_schema(store->db)->name}),
              "%s: %s; the database is read-only from now on", store->path, store->failure);
}

struct ovsdb_error *store_failure_error(const struct store *store)
{
    assert(store->failure);
    return error_new(ERROR_IO, "%s: the database is read-only: %s", store->path, store->failure);
}

// The date of the next record, in ms.
static uint64_t stamp_now(struct stamp *stamp)
{
    uint64_t now = clock_realtime() / USEC_PER_MSEC;

    // Dates may run ahead of the clock by less than a second. If the clock was set back, they
    // follow.
    if (now > stamp->ms || now + 1000 < stamp->ms) {
        stamp->ms = now;
        stamp->n = 0;
    }
    return stamp->ms;
}

// A later date, which no record has.
static uint64_t stamp_next(struct stamp *stamp)
{
    stamp->n = 0;
    return ++stamp->ms;
}

// Registers the id of a record with the current date. False if a record has this id, or if too many
// records have this date to know.
static bool stamp_take(struct stamp *stamp, struct uuid id)
{
    for (unsigned i = 0; i < stamp->n; i++) {
        if (stamp->ids[i] == id.hi) {
            return false;
        }
    }
    if (stamp->n == STAMP_MAX) {
        return false;
    }
    stamp->ids[stamp->n++] = id.hi;
    return true;
}

// Makes the record of a change set. False if the change set contains only ephemeral columns.
static bool encode_record(struct store *store, const struct changeset *changes, struct slice *ret,
                          struct uuid *ret_id)
{
    struct buf *buf = &store->record;
    uint8_t sha1[RECORD_ID_SIZE];

    record_begin(buf);
    if (!encode_changes(buf, changes, !store->whole_values, stamp_now(&store->stamp))) {
        return false;
    }
    *ret = record_end(buf, sha1);
    while (!stamp_take(&store->stamp, record_txn_id(sha1))) {
        buf->size--; // the LF of record_end()
        encode_set_date(buf, stamp_next(&store->stamp));
        *ret = record_end(buf, sha1);
    }
    *ret_id = record_txn_id(sha1);
    return true;
}

// Removes a partially written record: later records must not follow it.
static struct ovsdb_error *on_write_failed(struct store *store, int error)
{
    assert(error < 0);
    COUNT(record_write_errors);
    if (store->write_error != -error) {
        store->write_error = -error;
        log_event(LOG_LEVEL_ERR, MSG_DATABASE_UNWRITTEN,
                  LOG_FIELDS({"OVSDB_DATABASE", db_schema(store->db)->name}),
                  "%s: cannot be written: %s", store->path, strerror(-error));
    }
    if (ftruncate(store->member.fd, (off_t)store->size) < 0 ||
        (store->member.twin_fd >= 0 &&
         ftruncate(store->member.twin_fd, (off_t)store->twin_size) < 0)) {
        store_fail(store, -errno, "a partial record cannot be removed");
    }
    return error_io(-error, "%s: cannot be written", store->path);
}

static int write_record(struct store *store, struct slice record)
{
    const struct group_commit_member *member = &store->member;
    int r = file_write_at(member->fd, record.data, record.size, (off_t)store->size);

    if (!r && member->twin_fd >= 0) {
        r = file_write_at(member->twin_fd, record.data, record.size, (off_t)store->twin_size);
    }
    if (!r) {
        store->size += record.size;
        store->twin_size += record.size;
        file_mark_end(&store->mark, record);
    }
    return r;
}

// Checks the file once in each turn of the event loop, so that the commits of a turn share the
// cost.
static bool check_file(struct store *store)
{
    uint64_t turn = group_commit_n_flushes(store->member.group_commit);

    if (turn && store->checked_in_turn == turn) {
        return !store->is_displaced;
    }
    store->checked_in_turn = turn;
    return store_check_in_place(store);
}

struct ovsdb_error *store_append(struct commit_log *log, struct changeset *changes, bool durable,
                                 uint64_t *ret_position)
{
    struct store *store = CONTAINER_OF(log, struct store, log);
    struct slice record;
    struct uuid id;
    int r;

    assert(store->lockfile); // only a store that may write has a log

    if (store_is_converting(store)) {
        return error_new(ERROR_RESOURCES, "%s: the database is being converted", store->path);
    }
    if (!encode_record(store, changes, &record, &id)) {
        changes->txn_id = uuid_random();
        *ret_position = 0;
        return NULL;
    }
    if (!check_file(store) || store->failure) {
        return store_failure_error(store);
    }
    r = write_record(store, record);
    if (r) {
        return on_write_failed(store, r);
    }
    if (store->write_error) {
        store->write_error = 0;
        log_event(LOG_LEVEL_INFO, MSG_DATABASE_WRITABLE,
                  LOG_FIELDS({"OVSDB_DATABASE", db_schema(store->db)->name}),
                  "%s: can be written again", store->path);
    }
    store->n_records++;
    COUNT(records_appended);
    COUNT_N(record_bytes_appended, record.size);
    store->has_unsynced = true;
    changes->txn_id = id;
    *ret_position = durable ? group_commit_issue(&store->member) : 0;
    if (store->record.capacity > RECORD_KEEP) {
        buf_done(&store->record);
    }
    return NULL;
}
