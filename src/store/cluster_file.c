// SPDX-License-Identifier: Apache-2.0
#include "store/cluster_file.h"

#include "store/cluster_build.h"

#include <inttypes.h>

struct cluster_file {
    char *path;
    struct reader *reader;
    const struct progress *progress;
    struct member_log *log;
    struct file_record record; // the last one
    uint64_t n_records;
    uint64_t size;
    bool is_torn;
};

bool cluster_file_is(const char *path)
{
    _cleanup_reader_ struct reader *reader = NULL;
    _cleanup_error_ struct ovsdb_error *error = reader_open_any(path, &reader);

    return !error && reader_is_clustered(reader);
}

void cluster_file_close(struct cluster_file *file)
{
    if (file) {
        file_record_done(&file->record);
        member_log_free(file->log);
        reader_free(file->reader);
        free(file->path);
        free(file);
    }
}

static struct ovsdb_error *at_record(const struct cluster_file *file,
                                     const struct reader_record *record, struct ovsdb_error *error)
{
    if (error) {
        error_prefix(error, "%s: record %" PRIu64 " at offset %" PRIu64 ": ", file->path,
                     record->number, record->offset);
    }
    return error;
}

static struct ovsdb_error *add_header(struct cluster_file *file, struct slice text)
{
    struct file_header header;
    struct ovsdb_error *error = file_header_decode(text, &header);

    if (!error) {
        file->log = member_log_new(header);
    }
    return error;
}

static struct ovsdb_error *add_record(struct cluster_file *file, struct slice text)
{
    struct ovsdb_error *error;

    file_record_done(&file->record);
    if (!file_header_is_member(&file->log->header)) {
        return error_new(ERROR_SYNTAX,
                         "the file of a server that has not joined the cluster must "
                         "have one record only");
    }
    error = file_record_decode(text, &file->record);
    return error ? error : member_log_add(file->log, &file->record);
}

// Reads a record and adds it. Sets *ret_more to false at the end of the file.
static struct ovsdb_error *read_record(struct cluster_file *file, bool *ret_more)
{
    struct reader_record record;
    struct ovsdb_error *error;
    enum reader_status status = reader_next(file->reader, &record);
    struct slice text;

    if (status == READER_END || (status == READER_TORN && file->n_records)) {
        file->is_torn = status == READER_TORN;
        *ret_more = false;
        return NULL;
    }
    if (status != READER_RECORD) {
        error = reader_problem(file->reader);
        assert(error);
        return error;
    }
    error = record_check(record.text, &text);
    if (!error) {
        error = file->n_records ? add_record(file, text) : add_header(file, text);
    }
    if (error) {
        return at_record(file, &record, error);
    }
    file->n_records++;
    file->size = record.offset + record.size;
    *ret_more = true;
    return NULL;
}

// Takes `reader`.
static struct ovsdb_error *open_reader(struct reader *reader, const char *path,
                                       const struct progress *progress, struct cluster_file **ret)
{
    _cleanup_cluster_file_ struct cluster_file *file = NEW(struct cluster_file);
    struct ovsdb_error *error;
    bool more;

    file->path = xstrdup(path);
    file->progress = progress;
    file->reader = reader;
    if (!reader_is_clustered(file->reader)) {
        return error_new(ERROR_OVSDB, "%s: not a clustered database", path);
    }
    reader_set_progress(file->reader, progress);
    error = read_record(file, &more);
    if (error) {
        return error;
    }
    assert(more && file->log); // the reader refuses an empty file
    *ret = TAKE_PTR(file);
    return NULL;
}

struct ovsdb_error *cluster_file_open(const char *path, const struct progress *progress,
                                      struct cluster_file **ret)
{
    struct reader *reader;
    struct ovsdb_error *error = reader_open_any(path, &reader);

    return error ? error : open_reader(reader, path, progress, ret);
}

struct ovsdb_error *cluster_file_open_fd(int fd, const char *path, const struct progress *progress,
                                         struct cluster_file **ret)
{
    struct reader *reader;
    struct ovsdb_error *error = reader_open_any_fd(fd, path, &reader);

    return error ? error : open_reader(reader, path, progress, ret);
}

struct ovsdb_error *cluster_file_next(struct cluster_file *file, const struct file_record **ret)
{
    bool more;
    struct ovsdb_error *error = read_record(file, &more);

    if (!error) {
        *ret = more ? &file->record : NULL;
    }
    return error;
}

struct ovsdb_error *cluster_file_read(struct cluster_file *file)
{
    const struct file_record *record;
    struct ovsdb_error *error;

    do {
        error = cluster_file_next(file, &record);
    } while (!error && record);
    return error;
}

struct ovsdb_error *cluster_file_load(const char *path, const struct progress *progress,
                                      struct cluster_file **ret)
{
    _cleanup_cluster_file_ struct cluster_file *file = NULL;
    struct ovsdb_error *error = cluster_file_open(path, progress, &file);

    error = error ? error : cluster_file_read(file);
    if (!error) {
        *ret = TAKE_PTR(file);
    }
    return error;
}

const char *cluster_file_path(const struct cluster_file *file)
{
    return file->path;
}

const struct member_log *cluster_file_log(const struct cluster_file *file)
{
    return file->log;
}

struct member_log *cluster_file_take_log(struct cluster_file *file)
{
    return TAKE_PTR(file->log);
}

uint64_t cluster_file_n_records(const struct cluster_file *file)
{
    return file->n_records;
}

uint64_t cluster_file_size(const struct cluster_file *file)
{
    return file->size;
}

const char *cluster_file_torn(const struct cluster_file *file)
{
    return file->is_torn ? reader_reason(file->reader) : NULL;
}

struct ovsdb_error *cluster_file_build(const struct cluster_file *file, struct db **ret)
{
    return cluster_build(file->path, file->log, member_log_last_index(file->log), file->progress,
                         ret);
}
