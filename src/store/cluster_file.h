// SPDX-License-Identifier: Apache-2.0
// Reads the file of a clustered database (cluster/file_header.h, cluster/file_record.h) into a
// member_log. The rules for torn records and damage are those of standalone files; a record that
// contradicts the earlier ones is damage, too. The file is not changed.
//
//     error = cluster_file_open(path, &file);
//     while (!error && !(error = cluster_file_next(file, &record)) && record) {
//         ...
//     }
#pragma once

#include "cluster/member_log.h"
#include "engine/db.h"
#include "store/reader.h"

struct cluster_file;

// Whether the file exists and begins as a clustered database does.
bool cluster_file_is(const char *path);
// Opens the file and reads its first record. Errors name the file, among them that it is not a
// clustered database.
struct ovsdb_error *cluster_file_open(const char *path, const struct progress *progress,
                                      struct cluster_file **ret);
// The same for an open descriptor, which remains the caller's; `path` is for messages.
struct ovsdb_error *cluster_file_open_fd(int fd, const char *path, const struct progress *progress,
                                         struct cluster_file **ret);
// Reads the next record and adds it to the log. *ret is NULL at the end of the file, before a torn
// record too. It is valid until the next call; the servers of an entry are in the log only. An
// error has the tag ERROR_IO if reading has failed, otherwise the record is damaged.
struct ovsdb_error *cluster_file_next(struct cluster_file *file, const struct file_record **ret);
// Reads all records that are left.
struct ovsdb_error *cluster_file_read(struct cluster_file *file);
// Opens the file and reads all records.
struct ovsdb_error *cluster_file_load(const char *path, const struct progress *progress,
                                      struct cluster_file **ret);
void cluster_file_close(struct cluster_file *file);

const char *cluster_file_path(const struct cluster_file *file);
const struct member_log *cluster_file_log(const struct cluster_file *file);
// The log becomes the caller's; then only functions that do not need it may be called.
struct member_log *cluster_file_take_log(struct cluster_file *file);
// The records read so far, and their size.
uint64_t cluster_file_n_records(const struct cluster_file *file);
uint64_t cluster_file_size(const struct cluster_file *file);
// "record 7 at offset 4711: ..." if the file ends with a torn record, else NULL.
const char *cluster_file_torn(const struct cluster_file *file);

// Makes a database of the contents after the last entry and checks every constraint. The file must
// be that of a member (asserted). O(log + database).
struct ovsdb_error *cluster_file_build(const struct cluster_file *file, struct db **ret);

DEFINE_CLEANUP(struct cluster_file *, cluster_file_closep, cluster_file_close)
#define _cleanup_cluster_file_ _cleanup_(cluster_file_closep)
