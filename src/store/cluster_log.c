// SPDX-License-Identifier: Apache-2.0
// Opening and closing the file of a running member. For appending see cluster_append.c, for its
// replacement cluster_snapshot.c and cluster_install.c.
#include "store/cluster_log_private.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/cluster_build.h"
#include "store/cluster_file.h"
#include "store/cut.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

LOG_MODULE(store);

// Takes the lock before the file is loaded. Checks before the lock that it is a clustered database,
// because the lock file remains beside it.
static struct ovsdb_error *open_file(struct cluster_log *log)
{
    int r = file_resolve(log->path, &log->real_path);
    _cleanup_reader_ struct reader *reader = NULL;
    struct ovsdb_error *error;

    if (r) {
        return error_io(-r, "%s: cannot be opened", log->path);
    }
    error = reader_open_any(log->path, &reader);
    if (error) {
        return error;
    }
    if (!reader_is_clustered(reader)) {
        return error_new(ERROR_OVSDB, "%s: not a clustered database", log->path);
    }
    error = lockfile_acquire(log->real_path, &log->lockfile);
    if (error) {
        return error;
    }
    log->fd = open(log->real_path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return log->fd < 0 ? error_io(errno, "%s: cannot be opened", log->path) : NULL;
}

static struct ovsdb_error *cut_torn_end(struct cluster_log *log, const struct cluster_file *file,
                                        const struct progress *progress)
{
    struct stat st;

    if (!cluster_file_torn(file)) {
        return NULL;
    }
    if (fstat(log->fd, &st) < 0) {
        return error_io(errno, "%s: cannot be read", log->path);
    }
    return cut_torn(&(struct torn_file){.fd = log->fd,
                                        .path = log->path,
                                        .real_path = log->real_path,
                                        .database = log->contents->header.name,
                                        .reason = cluster_file_torn(file),
                                        .size = log->size,
                                        .left = (uint64_t)st.st_size - log->size},
                    progress);
}

static struct ovsdb_error *load(struct cluster_log *log, const struct progress *progress,
                                bool *ret_is_damaged)
{
    _cleanup_cluster_file_ struct cluster_file *file = NULL;
    struct ovsdb_error *error = cluster_file_open_fd(log->fd, log->path, progress, &file);

    error = error ? error : cluster_file_read(file);
    if (error) {
        *ret_is_damaged = strcmp(error->tag, ERROR_IO) != 0;
        return error;
    }
    log->size = cluster_file_size(file);
    log->contents = cluster_file_take_log(file);
    error = cut_torn_end(log, file, progress);
    file_mark_set(&log->mark, log->fd, log->size);
    return error;
}

struct ovsdb_error *cluster_log_open(const char *path, const struct progress *progress,
                                     struct cluster_log **ret, bool *ret_is_damaged)
{
    struct cluster_log *log = NEW(struct cluster_log);
    _cleanup_free_ char *folder = getcwd(NULL, 0);
    struct ovsdb_error *error;
    bool is_damaged = false;

    log->path = xstrdup(path);
    log->absolute_path = dirs_path(folder ? folder : "", path);
    log->fd = -1;
    error = open_file(log);
    error = error ? error : load(log, progress, &is_damaged);
    if (error) {
        cluster_log_close(log);
        if (ret_is_damaged) {
            *ret_is_damaged = is_damaged;
        }
        return error;
    }
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_OPENED,
              LOG_FIELDS({"OVSDB_DATABASE", log->contents->header.name}), "%s: opened, %lu bytes",
              path, (unsigned long)log->size);
    *ret = log;
    return NULL;
}

// Leaves the group commit, with everything synced. Errors are logged: cluster_log_close() cannot
// fail.
static void leave(struct cluster_log *log)
{
    int error;

    cluster_log_retry(log);
    error = group_commit_member_leave(&log->member);
    log->fd = TAKE_FD(log->member.fd);
    if (!error && !log->failure && fdatasync(log->fd) < 0) {
        error = -errno;
    }
    if (error) {
        cluster_log_fail(log, error, "what was written cannot be synced");
    } else if (log->n_unwritten && !log->failure) {
        log_err("%s: closed without the last records, which cannot be written", log->path);
    }
    if (log->failure) {
        positions_lose(&log->positions);
    } else {
        positions_advance(&log->positions, log->positions.issued);
    }
    positions_done(&log->positions);
}

void cluster_log_close(struct cluster_log *log)
{
    if (!log) {
        return;
    }
    cluster_log_cancel_snapshot(log);
    if (log->has_joined) {
        leave(log);
    }
    if (log->fd >= 0) {
        close(log->fd);
    }
    lockfile_release(log->lockfile);
    member_log_free(log->contents);
    buf_done(&log->unwritten);
    free(log->path);
    free(log->absolute_path);
    free(log->real_path);
    free(log->failure);
    free(log);
}

const char *cluster_log_path(const struct cluster_log *log)
{
    return log->path;
}

const struct member_log *cluster_log_contents(const struct cluster_log *log)
{
    return log->contents;
}

uint64_t cluster_log_size(const struct cluster_log *log)
{
    return log->size;
}

struct ovsdb_error *cluster_log_build(const struct cluster_log *log, uint64_t index,
                                      const struct progress *progress, struct db **ret)
{
    return cluster_build(log->path, log->contents, index, progress, ret);
}
