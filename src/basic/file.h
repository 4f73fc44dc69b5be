// SPDX-License-Identifier: Apache-2.0
// File operations with the error conventions of this project (0 or negative errno).
#pragma once

#include "basic/buf.h"

#include <sys/stat.h>
#include <sys/types.h>

// Appends the whole of `path` to `buf`.
int file_read(const char *path, struct buf *buf);
// The same for a loop that must go on: a file of more than `max` bytes is -EFBIG, a pipe whose
// writer keeps it waiting for a second -ETIMEDOUT.
int file_read_soon(const char *path, size_t max, struct buf *buf);
int file_read_fd(int fd, struct buf *buf); // what is left of an open one
// True if `st` describes the open file `fd`; false for -1.
bool file_is_same(const struct stat *st, int fd);
// Writes all `size` bytes at `offset`; retries short writes. On failure some may be written.
int file_write_at(int fd, const void *data, size_t size, off_t offset);
// Makes the directory entry of `path` durable (fsync of its folder).
int file_sync_parent(const char *path);
// For a file that was just made as `path`: one that root makes in the folder of another user is
// that user's, as the service's database when a tool makes it. Folders that all share (/tmp)
// excepted.
void file_give_to_folder(int fd, const char *path);
// The real file behind `path`, every symbolic link followed, even when the last one dangles or the
// file does not exist yet. Caller frees *ret.
int file_resolve(const char *path, char **ret);
