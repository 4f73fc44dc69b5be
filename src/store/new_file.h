// SPDX-License-Identifier: Apache-2.0
// Writes a database file anew beside the place where it belongs, synced, and then moves it there,
// so that a crash at any moment leaves the old file or the new one, never a part.
#pragma once

#include "store/encode.h"
#include "store/stream.h"

struct new_file {
    char *path;      // where it belongs: the real file
    char *temp_path; // where it is; NULL once it has been moved
    int fd;
    int replaces; // the file that is in its place now, or -1
    uint64_t size;
    uint64_t schema_size; // of the first record
    struct stream stream; // while rows are put
};

// Bytes of an open file.
struct new_file_bytes {
    int fd;
    uint64_t offset;
    uint64_t size;
};

// What it holds.
struct new_file_content {
    const struct new_file_bytes *bytes; // a copy of these, instead of records; or NULL
    struct schema *schema;
    struct db *db;                   // NULL: no snapshot
    const char *comment;             // of the snapshot, or NULL
    const struct progress *progress; // or NULL
};

// Step by step, on any thread: an empty temporary file, as new_file_write() describes it; then its
// records, each 0 or negative errno. `progress` may be NULL. Begun and done with on the engine
// thread, and `ret` stays where it is meanwhile.
struct ovsdb_error *new_file_open(const char *path, int like, struct new_file *ret);
int new_file_put_schema(struct new_file *file, const struct schema *schema);
int new_file_put_rows(struct new_file *file, const struct snapshot *snapshot, const char *comment,
                      const struct progress *progress);
int new_file_sync(struct new_file *file, const struct progress *progress);
struct ovsdb_error *new_file_error(const struct new_file *file, int error);

// Writes and syncs the temporary file. It takes mode and owner of `like` (-1: 0660 & ~umask). A
// left-over one is replaced. `path` is copied. O(database).
struct ovsdb_error *new_file_write(const char *path, const struct new_file_content *content,
                                   int like, struct new_file *ret);
// Moves it to its place. `replace`: over the file `like`, which must be there still and open; else
// there must be none.
struct ovsdb_error *new_file_install(struct new_file *file, bool replace);
// Makes the file `path`, which must not exist, under its lock: written as new_file_write() does,
// synced and installed.
struct ovsdb_error *new_file_create(const char *path, const struct new_file_content *content,
                                    int like);
// Removes the temporary file, if it was not installed, and closes `fd` unless it is -1.
void new_file_done(struct new_file *file);
