// SPDX-License-Identifier: Apache-2.0
// Makes the files of the members of a new cluster, which the servers then start with.
#pragma once

#include "cluster/file_header.h"
#include "engine/snapshot.h"
#include "store/new_file.h"

#define ELECTION_TIMER_MIN 100    // ms
#define ELECTION_TIMER_MAX 600000 // ms

struct cluster_new {
    struct schema *schema;           // without ephemeral columns
    struct db *db;                   // the contents; NULL: none
    const char *comment;             // of the contents
    const char *address;             // of this server
    unsigned election_timer;         // ms; 0: not recorded
    const struct progress *progress; // or NULL
};

// Makes the file `path`, which must not exist, of a cluster with one member. The ids are random. If
// the database has other columns than the schema, they are not written. O(database).
struct ovsdb_error *cluster_new_create(const char *path, const struct cluster_new *content);
// Makes the file `path`, which must not exist, of a server that is to join a cluster.
struct ovsdb_error *cluster_new_join(const char *path, const struct file_header *header);

struct cluster_new_contents {
    const struct schema *schema;
    const struct snapshot *snapshot; // NULL: no rows
    const char *comment;             // or NULL
    const struct progress *progress; // or NULL
};

// Writes the first record of the file of a member: `header`, whose prev_data has no data, with
// these contents. Any thread. 0 or negative errno. O(database).
int cluster_new_put_first(struct new_file *file, const struct file_header *header,
                          const struct cluster_new_contents *contents);
