// SPDX-License-Identifier: Apache-2.0
#include "store/new_file.h"

#include "basic/clock.h"
#include "basic/file.h"
#include "store/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

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

// The owner is kept where the system lets us; without the right to give files away the new file is
// ours.
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

static int append(struct new_file *file, struct buf *record)
{
    uint8_t sha1[RECORD_ID_SIZE];
    struct slice bytes = record_end(record, sha1);
    int r = file_write_at(file->fd, bytes.data, bytes.size, (off_t)file->size);

    file->size += bytes.size;
    return r;
}

static int write_content(struct new_file *file, const struct new_file_content *content)
{
    _cleanup_buf_ struct buf record = {0};
    int r;

    record_begin(&record);
    buf_put_slice(&record, text_slice(content->schema->json));
    r = append(file, &record);
    file->schema_size = file->size;
    if (!r && content->db) {
        record_begin(&record);
        encode_snapshot(&record, content->db, content->comment, clock_realtime() / USEC_PER_MSEC,
                        content->progress);
        r = append(file, &record);
    }
    if (!r && fsync(file->fd) < 0) {
        r = -errno;
    }
    return r;
}

struct ovsdb_error *new_file_write(const char *path, const struct new_file_content *content,
                                   int like, struct new_file *ret)
{
    struct new_file file = {.fd = -1};
    struct ovsdb_error *error = NULL;
    int r = 0;

    file.path = xstrdup(path);
    file.temp_path = xasprintf("%s.tmp", path);
    if (unlink(file.temp_path) < 0 && errno != ENOENT) {
        r = -errno;
    }
    if (!r) {
        file.fd = open(file.temp_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                       like >= 0 ? 0600 : 0660);
        r = file.fd < 0 ? -errno : 0;
    }
    if (!r && like >= 0) {
        r = copy_permissions(file.fd, like);
    }
    if (!r) {
        r = write_content(&file, content);
    }
    if (r) {
        error = error_io(-r, "%s: cannot be written", file.temp_path);
        new_file_done(&file);
        return error;
    }
    *ret = file;
    return NULL;
}

// Renames unless the target exists.
static int rename_new(const char *from, const char *to)
{
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE)) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    // A file system without that kind of rename.
    if (link(from, to) < 0) {
        return -errno;
    }
    unlink(from);
    return 0;
}

struct ovsdb_error *new_file_install(struct new_file *file, bool replace)
{
    int r;

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
