// SPDX-License-Identifier: Apache-2.0
// Writes a database file anew beside the place where it belongs, synced, and then moves it there,
// so that a crash at any moment leaves the old file or the new one, never a part.
#pragma once

#include "engine/db.h"

struct store_progress;

struct new_file {
    char *path;      // where it belongs: the real file
    char *temp_path; // where it is; NULL once it has been moved
    int fd;
    uint64_t size;
    uint64_t schema_size; // of the first record
};

// What it holds.
struct new_file_content {
    struct schema *schema;
    struct db *db;       // NULL: no snapshot
    const char *comment; // of the snapshot, or NULL
    const struct store_progress *progress;
};

// Writes and syncs the temporary file. It takes mode and owner of `like` (-1: 0660 & ~umask). A
// left-over one is replaced. `path` is copied. O(database).
struct ovsdb_error *new_file_write(const char *path, const struct new_file_content *content,
                                   int like, struct new_file *ret);
// Moves it to its place; `replace`: over the file that is there, else there must be none.
struct ovsdb_error *new_file_install(struct new_file *file, bool replace);
// Removes the temporary file, if it was not installed, and closes `fd` unless it is -1.
void new_file_done(struct new_file *file);
