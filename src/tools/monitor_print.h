// SPDX-License-Identifier: Apache-2.0
// Prints <table-updates> (RFC 7047 4.1.6) as tables with the columns "row" and "action".
#pragma once

#include "tools/client_verbs.h"

struct monitored {
    const struct table_schema *table;
    const struct column **columns; // as printed
    size_t n_columns;
};

// `updates` is JSON text. `is_initial`: rows are the contents at the start, not insertions. Rows
// are sorted by UUID; a table without rows is not printed. A single table has no caption.
void monitor_print(struct client_context *context, const struct monitored *monitored, size_t n,
                   struct slice updates, bool is_initial);
