// SPDX-License-Identifier: Apache-2.0
// The remotes that a column of a database names: it holds targets, or refers to rows with a column
// "target" and others that say how (max_backoff, inactivity_probe, other_config:dscp, read_only,
// role). How the remote does is told in the same row: daemon/remotes/report.h.
#pragma once

#include "daemon/databases/db_column.h"
#include "daemon/remotes/remotes.h"

struct named_remote {
    const char *target; // borrowed from the database, like the settings' role
    struct remote_settings settings;
    const struct row *row; // where it is named, if it has a row of its own; else NULL
};

// For db_column_new().
char *named_remotes_refusal(const struct column *column);
// What the column names now, in order of target and row; empty targets, which name nothing, left
// out. The caller frees the array; what it borrows is valid until the database is written to.
struct named_remote *named_remotes_read(const struct db_column *column, size_t *ret_n);
