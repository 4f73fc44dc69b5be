// SPDX-License-Identifier: Apache-2.0
// The remotes that a column of a database names. The column holds targets, or references to rows
// with the column "target" and optional settings (max_backoff, inactivity_probe, other_config:dscp,
// read_only, role). The state of the remote is reported in the same row: daemon/remotes/report.h.
#pragma once

#include "daemon/databases/db_column.h"
#include "daemon/remotes/settings.h"

struct named_remote {
    const char *target; // borrowed from the database, like settings.role
    struct remote_settings settings;
    const struct row *row; // the row with the column "target", or NULL if the column holds targets
};

// Checks the type of a column, for db_column_new().
struct failure *named_remotes_refusal(const struct column *column);
// Reads the column. The remotes are sorted by target and row; empty targets are left out. The
// caller frees the array; the strings and rows are valid until the database is written to.
struct named_remote *named_remotes_read(const struct db_column *column, size_t *ret_n);
