// SPDX-License-Identifier: Apache-2.0
// What a monitor covers, read from the command line, and the request for it.
//
//     TABLE|ALL [GROUP...]    a GROUP is COLUMN,COLUMN,... with !initial, !insert, !delete, !modify
//     for what is not
//                             wanted of these columns; without COLUMNs it means all of them
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

// Reads `argv`, at least one argument; ends the program with a message if it does not fit the
// schema, which the request takes over. `where` is the JSON text of the conditions for every table,
// or NULL.
void monitor_request_init(struct monitor_request *request, struct client_context *context,
                          struct schema *schema, const char *where, int argc, char **argv);
void monitor_request_done(struct monitor_request *request);
