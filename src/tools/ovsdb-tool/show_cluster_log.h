// SPDX-License-Identifier: Apache-2.0
// The records of a clustered file for "ovsdb-tool show-log".
#pragma once

#include "store/reader.h"
#include "tools/ovsdb-tool/log_printer.h"

// Prints a record, and takes its schema, if it has one, for the values of later records.
struct ovsdb_error *show_cluster_record(struct log_printer *printer,
                                        const struct reader_record *record);
