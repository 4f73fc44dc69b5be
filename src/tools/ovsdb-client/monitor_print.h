// SPDX-License-Identifier: Apache-2.0
// Prints table updates as tables with the columns "row" and "action".
#pragma once

#include "tools/ovsdb-client/monitor_request.h"

enum monitor_style {
    MONITOR_STYLE_RFC, // RFC 7047 4.1.6: "old" and "new"
    MONITOR_STYLE_2,   // protocol extensions 4.1.14: "initial", "insert", "modify", "delete"
};

// `updates` is JSON text. `is_initial`: rows are initial contents, not insertions. Rows are sorted
// by UUID; a table without rows is not printed. If only one table is monitored, it has no caption.
void monitor_print(struct client_context *context, const struct monitor_request *request,
                   enum monitor_style style, struct slice updates, bool is_initial);
