// SPDX-License-Identifier: Apache-2.0
// Makes a new database file: writes it under a temporary name beside its place, syncs it, and
// renames it. After a crash at any moment the old file or the new one is there, never a part of
// one.
#pragma once

#include "store/encode.h"
#include "store/stream.h"

struct new_file {
    char *path;      // its final name, without symbolic links
    char *temp_path; // its temporary name; NULL once it is installed
    int fd;
    int replaces; // descriptor of the file that it replaces, or -1
    uint64_t size;
    uint64_t schema_size; // of the first record
    struct stream stream; // while rows are put
};

// A range of bytes of an open file.
struct new_file_bytes {
    int fd;
    uint64_t offset;
    uint64_t size;
};

struct new_file;

// The content of a new file.
struct new_file_content {
    // If set, this function writes the records, with the functions below. 0 or negative errno.
    int (*put)(struct new_file *file, const struct new_file_content *content);
    const void *userdata;
    const struct new_file_bytes *bytes; // a copy of these bytes; NULL: the records described below
    struct schema *schema;
    struct db *db;                   // NULL: no snapshot
    const char *comment;             // of the snapshot, or NULL
    const struct progress *progress; // or NULL
};

// The steps of new_file_write(): make an empty temporary file, write its records, sync it.
// new_file_open() and new_file_done() must be called on the engine thread, the others on any
// thread. *ret must not be moved until new_file_done(). `progress` may be NULL. int results are 0
// or negative errno.
struct ovsdb_error *new_file_open(const char *path, int like, struct new_file *ret);
int new_file_put_schema(struct new_file *file, const struct schema *schema);
int new_file_put_rows(struct new_file *file, const struct snapshot *snapshot, const char *comment,
                      const struct progress *progress);
// Writes a record with this JSON text.
int new_file_put_record(struct new_file *file, const char *magic, struct slice text);
// Writes a record of a clustered file: the text `head`, all rows of `snapshot` (NULL: an empty
// object), the text `tail`.
int new_file_put_rows_within(struct new_file *file, struct slice head,
                             const struct snapshot *snapshot, const char *comment,
                             struct slice tail, const struct progress *progress);
int new_file_sync(struct new_file *file, const struct progress *progress);
// The error of a step that has returned this negative errno.
struct ovsdb_error *new_file_error(const struct new_file *file, int error);

// Writes and syncs the temporary file. It gets mode and owner of the file `like`; -1: mode 0660 &
// ~umask and the owner by file_give_to_folder(). Replaces a temporary file that a crash has left.
// O(database).
struct ovsdb_error *new_file_write(const char *path, const struct new_file_content *content,
                                   int like, struct new_file *ret);
// Renames the file to its final name and syncs the directory. With `replace` it replaces the file
// `like` of new_file_write(), which must still have that name; else there must be no such file. On
// error temp_path tells whether it was renamed.
struct ovsdb_error *new_file_install(struct new_file *file, bool replace);
// Makes the file `path`, which must not exist: new_file_write() and new_file_install().
struct ovsdb_error *new_file_make(const char *path, const struct new_file_content *content,
                                  int like);
// The same for a database: resolves symbolic links in `path` and takes the lock of the file.
struct ovsdb_error *new_file_create(const char *path, const struct new_file_content *content,
                                    int like);
// Removes the temporary file, unless it is installed, and closes `fd`, unless it is -1.
void new_file_done(struct new_file *file);
