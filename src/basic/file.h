// SPDX-License-Identifier: Apache-2.0
// File operations. Those that return int return 0, or a negative errno.
#pragma once

#include "basic/buf.h"

#include <sys/stat.h>
#include <sys/types.h>

// Appends the content of the file to `buf`. On failure a part may have been appended.
int file_read(const char *path, struct buf *buf);
// As file_read(), but does not block an event loop for long: returns -EFBIG for a file of more than
// `max` bytes, -ETIMEDOUT if the writer of a pipe sends nothing for a second.
int file_read_soon(const char *path, size_t max, struct buf *buf);
// Appends the rest of an open file, from its current offset.
int file_read_fd(int fd, struct buf *buf);
// True if `st` describes the open file `fd`. False if `fd` is -1.
bool file_is_same(const struct stat *st, int fd);
// Writes all `size` bytes at `offset`. On failure a part may have been written.
int file_write_at(int fd, const void *data, size_t size, off_t offset);
// Makes the directory entry of `path` durable: calls fsync() on the folder it is in.
int file_sync_parent(const char *path);
// Gives the new file `fd`, just created as `path`, to the owner of its folder, if root runs this: a
// database that root creates with a tool then belongs to the user of the service. Does nothing in
// folders with the sticky bit, such as /tmp, which users share.
void file_give_to_folder(int fd, const char *path);
// Follows all symbolic links in `path` and returns the absolute path of the file they lead to. The
// file itself need not exist, its folder must. The caller frees *ret. -ELOOP after 40 links.
int file_resolve(const char *path, char **ret);
