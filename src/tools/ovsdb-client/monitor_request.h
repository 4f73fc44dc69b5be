// SPDX-License-Identifier: Apache-2.0
// The tables and columns to monitor, parsed from the command line, and the request for them.
//
//     TABLE|ALL [GROUP...]
//
// A GROUP is COLUMN,COLUMN,... or, without a column, all columns. The words !initial, !insert,
// !delete and !modify in a GROUP leave out these kinds of changes.
#pragma once

#include "tools/ovsdb-client/verbs.h"

struct monitored {
    const struct table_schema *table;
    const struct column **columns; // as printed
    size_t n_columns;
};

struct monitor_request {
    struct schema *schema;
    struct monitored *tables; // sorted by name
    size_t n_tables;
    struct buf json; // {"TABLE":[<monitor-request>...],...}
};

// Parses `argv`, at least one argument. Ends the program with a message if a table or column is not
// in the schema, which the request takes over. `where` is the JSON text of the conditions for every
// table, or NULL.
void monitor_request_init(struct monitor_request *request, struct client_context *context,
                          struct schema *schema, const char *where, int argc, char **argv);
void monitor_request_done(struct monitor_request *request);
