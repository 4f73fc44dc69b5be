// SPDX-License-Identifier: Apache-2.0
#include "store/new_file.h"

#include "basic/clock.h"
#include "basic/file.h"
#include "store/lockfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define COPY_SIZE ((size_t)16 << 20)

void new_file_done(struct new_file *file)
{
    if (file->temp_path) {
        unlink(file->temp_path);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->temp_path);
    free(file->path);
}

// Without the right to change owners the new file belongs to this process's user.
static int copy_permissions(int fd, int like)
{
    struct stat st;

    if (fstat(like, &st) < 0) {
        return -errno;
    }
    if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM) {
        return -errno;
    }
    return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

// Completes the record in file->stream, unless `r` is an error.
static int end_record(struct new_file *file, int r)
{
    uint64_t size;

    r = r ? r : stream_end(&file->stream, &size);
    stream_done(&file->stream);
    if (!r) {
        file->size += size;
    }
    return r;
}

int new_file_put_record(struct new_file *file, const char *magic, struct slice text)
{
    stream_begin(&file->stream, magic, file->fd, file->size);
    buf_put_slice(&file->stream.buf, text);
    return end_record(file, 0);
}

int new_file_put_schema(struct new_file *file, const struct schema *schema)
{
    int r = new_file_put_record(file, RECORD_MAGIC, text_slice(schema->json));

    if (!r) {
        file->schema_size = file->size;
    }
    return r;
}

int new_file_sync(struct new_file *file, const struct progress *progress)
{
    int r = progress_step(progress, "syncing", 0, 0);

    if (!r && fsync(file->fd) < 0) {
        r = -errno;
    }
    return r ? r : progress_step(progress, "syncing", 0, 0);
}

// The userdata of on_flush().
struct putting {
    struct new_file *file;
    const struct progress *progress;
};

static int on_flush(void *userdata, size_t done, size_t total)
{
    struct putting *putting = userdata;
    int r = progress_step(putting->progress, "writing", done, total);

    return r ? r : stream_flush(&putting->file->stream);
}

static int put_encoded(struct new_file *file, const struct snapshot *snapshot, const char *comment,
                       const struct progress *progress)
{
    struct putting putting = {file, progress};
    const struct encode_sink sink = {on_flush, &putting};

    return encode_rows(&file->stream.buf, snapshot, comment, clock_realtime() / USEC_PER_MSEC,
                       &sink);
}

int new_file_put_rows(struct new_file *file, const struct snapshot *snapshot, const char *comment,
                      const struct progress *progress)
{
    stream_begin(&file->stream, RECORD_MAGIC, file->fd, file->size);
    return end_record(file, put_encoded(file, snapshot, comment, progress));
}

int new_file_put_rows_within(struct new_file *file, struct slice head,
                             const struct snapshot *snapshot, const char *comment,
                             struct slice tail, const struct progress *progress)
{
    int r = 0;

    stream_begin(&file->stream, RECORD_MAGIC_CLUSTER, file->fd, file->size);
    buf_put_slice(&file->stream.buf, head);
    if (snapshot) {
        r = put_encoded(file, snapshot, comment, progress);
    } else {
        buf_puts(&file->stream.buf, "{}");
    }
    buf_put_slice(&file->stream.buf, tail);
    return end_record(file, r);
}

// Makes the empty temporary file. 0 or negative errno.
static int make_temporary(struct new_file *file, int like)
{
    if (unlink(file->temp_path) < 0 && errno != ENOENT) {
        return -errno;
    }
    file->fd = open(file->temp_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                    like >= 0 ? 0600 : 0660);
    if (file->fd < 0) {
        return -errno;
    }
    if (like >= 0) {
        return copy_permissions(file->fd, like);
    }
    file_give_to_folder(file->fd, file->path);
    return 0;
}

struct ovsdb_error *new_file_open(const char *path, int like, struct new_file *ret)
{
    struct ovsdb_error *error;
    int r;

    *ret = (struct new_file){
        .path = xstrdup(path), .temp_path = xasprintf("%s.tmp", path), .fd = -1, .replaces = like};
    r = make_temporary(ret, like);
    if (r) {
        error = new_file_error(ret, r);
        new_file_done(ret);
        return error;
    }
    return NULL;
}

struct ovsdb_error *new_file_error(const struct new_file *file, int error)
{
    return error_io(-error, "%s: cannot be written", file->temp_path);
}

static int put_rows(struct new_file *file, const struct new_file_content *content)
{
    struct snapshot *snapshot = snapshot_new(content->db);
    int r;

    snapshot_collect(snapshot, SIZE_MAX);
    r = new_file_put_rows(file, snapshot, content->comment, content->progress);
    snapshot_free(snapshot);
    return r;
}

// Syncs after each piece, so that the last sync is short. It is an error if the source has become
// shorter.
static int put_bytes(struct new_file *file, const struct new_file_bytes *bytes,
                     const struct progress *progress)
{
    off_t offset = (off_t)bytes->offset;
    int r = 0;

    assert(!file->size); // sendfile() appends at the descriptor's position
    while (!r && file->size < bytes->size) {
        size_t size = (size_t)MIN((uint64_t)COPY_SIZE, bytes->size - file->size);
        ssize_t n = sendfile(file->fd, bytes->fd, &offset, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n ? -errno : -EIO;
        }
        file->size += (uint64_t)n;
        r = fdatasync(file->fd) < 0 ? -errno : 0;
        r = r ? r : progress_step(progress, "copying", file->size, bytes->size);
    }
    return r;
}

static int put_content(struct new_file *file, const struct new_file_content *content)
{
    int r = 0;

    if (content->put) {
        r = content->put(file, content);
    } else if (content->bytes) {
        r = put_bytes(file, content->bytes, content->progress);
    } else {
        r = new_file_put_schema(file, content->schema);
        if (!r && content->db) {
            r = put_rows(file, content);
        }
    }
    return r ? r : new_file_sync(file, content->progress);
}

struct ovsdb_error *new_file_write(const char *path, const struct new_file_content *content,
                                   int like, struct new_file *ret)
{
    struct ovsdb_error *error = new_file_open(path, like, ret);
    int r;

    if (error) {
        return error;
    }
    r = put_content(ret, content);
    if (r) {
        error = new_file_error(ret, r);
        new_file_done(ret);
    }
    return error;
}

// Renames, but fails if the target exists.
static int rename_new(const char *from, const char *to)
{
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE)) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    // The file system does not support RENAME_NOREPLACE.
    if (link(from, to) < 0) {
        return -errno;
    }
    unlink(from);
    return 0;
}

struct ovsdb_error *new_file_install(struct new_file *file, bool replace)
{
    struct stat st;
    int r;

    assert(file->temp_path);
    if (replace && (stat(file->path, &st) < 0 || !file_is_same(&st, file->replaces))) {
        return error_new(ERROR_IO, "%s: the file was removed or replaced by another program",
                         file->path);
    }
    if (replace) {
        r = rename(file->temp_path, file->path) < 0 ? -errno : 0;
    } else {
        r = rename_new(file->temp_path, file->path);
    }
    if (r) {
        return error_io(-r, "%s: cannot be put in place", file->path);
    }
    free(TAKE_PTR(file->temp_path));
    r = file_sync_parent(file->path);
    return r ? error_io(-r, "%s: its directory cannot be synced", file->path) : NULL;
}

struct ovsdb_error *new_file_make(const char *path, const struct new_file_content *content,
                                  int like)
{
    struct new_file file;
    struct ovsdb_error *error = new_file_write(path, content, like, &file);

    if (!error) {
        error = new_file_install(&file, false);
        new_file_done(&file);
    }
    return error;
}

// The lock prevents that two programs make the same file at the same time.
struct ovsdb_error *new_file_create(const char *path, const struct new_file_content *content,
                                    int like)
{
    _cleanup_free_ char *real_path = NULL;
    struct lockfile *lockfile = NULL;
    struct ovsdb_error *error;
    struct stat st;
    int r = file_resolve(path, &real_path);

    if (!r && !lstat(real_path, &st)) {
        r = -EEXIST;
    }
    if (r) {
        return error_io(-r, "%s: cannot be created", path);
    }
    error = lockfile_acquire(real_path, &lockfile);
    if (error) {
        return error;
    }
    error = new_file_make(real_path, content, like);
    lockfile_release(lockfile);
    return error;
}
