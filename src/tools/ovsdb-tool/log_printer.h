// SPDX-License-Identifier: Apache-2.0
// Prints transactions as "ovsdb-tool show-log" shows them:
//
//      DATE "COMMENT"
//       table T [insert ]row NAME (UUID)[ diff]:     with -m
//         column=value                               with -mm
//
// The names of rows (their column "name") are remembered, since later records do not repeat them.
#pragma once

#include "model/schema.h"
#include "tools/ovsdb-tool/row_names.h"

struct log_printer {
    const char *path;
    struct schema *schema; // for the values; NULL: print them as they are
    int more;              // how often -m was given
    struct row_names names;
    struct buf out;     // the text of a record
    struct buf escaped; // the same with control characters escaped
};

void log_printer_done(struct log_printer *printer);
// Takes a schema for the values of the transactions that follow.
void log_printer_set_schema(struct log_printer *printer, struct schema *schema);
// Appends a transaction, a valid JSON object (I-1), to printer->out.
void log_printer_put(struct log_printer *printer, struct slice transaction);
// Prints and clears printer->out.
void log_printer_flush(struct log_printer *printer);
