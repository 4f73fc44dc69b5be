// SPDX-License-Identifier: Apache-2.0
// Detects that another program has removed, replaced or overwritten a database file while it is
// served. Records appended to such a file are lost at the next start, so this is treated like a
// failed sync.
//
// The file is checked before a record is written, so that nothing is appended to a file that was
// restored from a backup, and after each sync, before commits are acknowledged. Comparing device
// and inode behind the name detects "rm" and "mv"; comparing the end of the file with the last
// record detects "cat other > file". Both together take two system calls.
#pragma once

#include "json/cursor.h"

#include <sys/types.h>

// The expected identity and end of a file.
struct file_mark {
    bool is_known;
    dev_t device;
    ino_t inode;
    size_t size;   // of `end`
    char end[256]; // the last bytes of the file
};

// Records the identity and end of the file `fd` of `file_size` bytes, after it was opened or
// replaced.
void file_mark_set(struct file_mark *mark, int fd, uint64_t file_size);
// Records the new end of the file, after `bytes`, which are not empty, were appended.
void file_mark_end(struct file_mark *mark, struct slice bytes);
// Returns what has happened to the file `fd` of `file_size` bytes with the absolute name `path`, or
// NULL. `replacements` are descriptors of files that may be renamed to the name, or -1.
const char *file_mark_find_loss(const struct file_mark *mark, const char *path, int fd,
                                uint64_t file_size, const int replacements[2]);
