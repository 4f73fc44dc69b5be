// SPDX-License-Identifier: Apache-2.0
// Appends records to the file of a running member.
//
//     WRITABLE --a write fails--> BLOCKED --a write succeeds--> WRITABLE
//     either --a sync fails, another program replaces the file, ...--> FAILED
//
// BLOCKED: write_error is set, and `unwritten` has the records since then. All is written at once,
// when there is space for it. A partial write is cut off, so the file has whole records only.
//
// The handler is called from the dispatch of the group commit only: to tell something else than
// durable(), the member is made dirty.
#include "store/cluster_log_private.h"

#include "basic/counter.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/record.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);
COUNTER(cluster_records_appended, "Records appended to files of clustered databases");
COUNTER(cluster_bytes_appended, "Bytes of these records");
COUNTER(cluster_write_errors, "Failed writes to files of clustered databases");

#define UNWRITTEN_KEEP (1u << 20) // a larger buffer is freed when it is written

void cluster_log_fail(struct cluster_log *log, int error, const char *what)
{
    assert(error <= 0);
    if (log->failure) {
        return;
    }
    log->failure = error ? xasprintf("%s: %s", what, strerror(-error)) : xstrdup(what);
    log_event(LOG_LEVEL_ERR, MSG_DATABASE_FAILED,
              LOG_FIELDS({"OVSDB_DATABASE", log->contents->header.name}),
              "%s: %s; this member writes nothing from now on", log->path, log->failure);
    if (log->member.fd >= 0) {
        group_commit_member_check(&log->member);
    }
}

struct ovsdb_error *cluster_log_failure_error(const struct cluster_log *log)
{
    assert(log->failure);
    return error_new(ERROR_IO, "%s: the file is not written any more: %s", log->path, log->failure);
}

bool cluster_log_check_in_place(struct cluster_log *log)
{
    const int replacements[] = {log->member.twin_fd, -1};
    const char *loss;

    if (!log->failure) {
        loss = file_mark_find_loss(&log->mark, log->absolute_path, log->member.fd, log->size,
                                   replacements);
        if (loss) {
            cluster_log_fail(log, 0, loss);
        }
    }
    return !log->failure;
}

// Checks the file once in each turn of the event loop.
static bool check_in_turn(struct cluster_log *log)
{
    uint64_t turn = group_commit_n_flushes(log->member.group_commit);

    if (turn && log->checked_in_turn == turn) {
        return !log->failure;
    }
    log->checked_in_turn = turn;
    return cluster_log_check_in_place(log);
}

static void report_durable(struct cluster_log *log, uint64_t position)
{
    uint64_t n = position - MIN(position, log->n_reported);

    if (n) {
        log->n_reported = position;
        log->handler->durable(log->userdata, (size_t)n);
    }
}

static void tell_blocked(struct cluster_log *log)
{
    bool is_blocked = log->write_error != 0;

    if (is_blocked != log->is_blocked_told) {
        log->is_blocked_told = is_blocked;
        log->handler->blocked(log->userdata, is_blocked, log->write_error);
    }
}

// A sync has failed if the synced file is not the file that the next start will read.
static int on_synced(struct group_commit_member *member)
{
    struct cluster_log *log = CONTAINER_OF(member, struct cluster_log, member);

    if (!cluster_log_check_in_place(log)) {
        return -ESTALE;
    }
    report_durable(log, member->sync_position);
    tell_blocked(log);
    return 0;
}

static void on_sync_failed(struct group_commit_member *member, int error)
{
    struct cluster_log *log = CONTAINER_OF(member, struct cluster_log, member);

    cluster_log_fail(log, error, "what was written cannot be synced");
    if (!log->is_failure_told) {
        log->is_failure_told = true;
        log->handler->failed(log->userdata, log->failure);
    }
}

void cluster_log_join(struct cluster_log *log, struct group_commit *group_commit,
                      const struct cluster_log_handler *handler, void *userdata)
{
    assert(!log->has_joined);
    log->has_joined = true;
    log->handler = handler;
    log->userdata = userdata;
    positions_init(&log->positions);
    group_commit_member_init(&log->member, group_commit, NULL, &log->positions, on_synced,
                             on_sync_failed);
    log->member.fd = TAKE_FD(log->fd);
}

static void set_write_error(struct cluster_log *log, int error)
{
    if (log->write_error == error) {
        return;
    }
    if (error) {
        log_event(LOG_LEVEL_ERR, MSG_DATABASE_UNWRITTEN,
                  LOG_FIELDS({"OVSDB_DATABASE", log->contents->header.name}),
                  "%s: cannot be written: %s; trying again", log->path, strerror(error));
    } else {
        log_event(LOG_LEVEL_INFO, MSG_DATABASE_WRITABLE,
                  LOG_FIELDS({"OVSDB_DATABASE", log->contents->header.name}),
                  "%s: can be written again", log->path);
    }
    log->write_error = error;
    group_commit_member_check(&log->member); // tells blocked()
}

// Writes whole records, or nothing. 0 or negative errno.
static int write_records(struct cluster_log *log, struct slice records)
{
    int r = file_write_at(log->member.fd, records.data, records.size, (off_t)log->size);

    if (!r) {
        log->size += records.size;
        file_mark_end(&log->mark, records);
        COUNT_N(cluster_bytes_appended, records.size);
        return 0;
    }
    COUNT(cluster_write_errors);
    if (ftruncate(log->member.fd, (off_t)log->size) < 0) {
        cluster_log_fail(log, -errno, "a partial record cannot be removed");
    }
    return r;
}

static void clear_unwritten(struct cluster_log *log)
{
    if (log->unwritten.capacity > UNWRITTEN_KEEP) {
        buf_done(&log->unwritten);
    }
    buf_clear(&log->unwritten);
    for (; log->n_unwritten; log->n_unwritten--) {
        group_commit_issue(&log->member);
    }
}

// Returns false if records are left, or if the log has failed.
static bool write_unwritten(struct cluster_log *log)
{
    int r;

    if (!check_in_turn(log)) {
        return false;
    }
    if (!log->n_unwritten) {
        return true;
    }
    r = write_records(log, buf_slice(&log->unwritten));
    if (r) {
        set_write_error(log, -r);
        return false;
    }
    clear_unwritten(log);
    cluster_snapshot_written(log);
    set_write_error(log, 0);
    return true;
}

void cluster_log_put_record(struct buf *buf, const struct file_record *record)
{
    _cleanup_buf_ struct buf text = {0};
    uint8_t sha1[RECORD_ID_SIZE];

    record_begin(&text);
    file_record_put(&text, record);
    buf_put_slice(buf, record_end_as(RECORD_MAGIC_CLUSTER, &text, sha1));
}

static void add_to_contents(struct cluster_log *log, const struct file_record *record)
{
    struct file_record copy = *record;
    struct ovsdb_error *error;

    cluster_snapshot_add(log, record);
    copy.entry.servers = servers_copy(&record->entry.servers);
    error = member_log_add(log->contents, &copy);
    servers_done(&copy.entry.servers);
    assert(!error);
    COUNT(cluster_records_appended);
}

void cluster_log_append(struct cluster_log *log, const struct file_record *records, size_t n)
{
    assert(log->has_joined && n);
    for (size_t i = 0; i < n; i++) {
        if (!log->failure) {
            cluster_log_put_record(&log->unwritten, &records[i]);
        }
        add_to_contents(log, &records[i]);
    }
    if (!log->failure) {
        log->n_unwritten++;
        write_unwritten(log);
    }
}

void cluster_log_retry(struct cluster_log *log)
{
    if (log->n_unwritten && !log->failure) {
        write_unwritten(log);
    }
}

size_t cluster_log_unwritten_size(const struct cluster_log *log)
{
    return log->unwritten.size;
}

// A sync on two threads at the same time would report an error to one of them only, so this waits
// for the running one first. 0 or negative errno.
static int sync_now(struct cluster_log *log)
{
    int r = group_commit_member_wait(&log->member);

    return !r && fdatasync(log->member.fd) < 0 ? -errno : r;
}

bool cluster_log_append_synced(struct cluster_log *log, const struct file_record *records, size_t n)
{
    _cleanup_buf_ struct buf text = {0};
    int r;

    assert(log->has_joined && n);
    if (!write_unwritten(log)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        cluster_log_put_record(&text, &records[i]);
    }
    r = write_records(log, buf_slice(&text));
    if (r) {
        log_warn("%s: cannot be written: %s", log->path, strerror(-r));
        return false;
    }
    r = sync_now(log);
    if (r) {
        cluster_log_fail(log, r, "what was written cannot be synced");
        return false;
    }
    if (!cluster_log_check_in_place(log)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        add_to_contents(log, &records[i]);
    }
    cluster_snapshot_written(log);
    return true;
}

void cluster_log_use_file(struct cluster_log *log, int fd, uint64_t size)
{
    int old_fd = log->member.fd;

    assert(log->member.twin_fd < 0);
    log->member.fd = fd;
    log->size = size;
    file_mark_set(&log->mark, fd, size);
    group_commit_member_close(&log->member, old_fd);
    clear_unwritten(log);
    set_write_error(log, 0);
    group_commit_member_check(&log->member); // reports the positions that the new file has
}
