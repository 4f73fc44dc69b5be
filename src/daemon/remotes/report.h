// SPDX-License-Identifier: Apache-2.0
// The state of a remote as it is reported in the row that names it: the columns "is_connected" and
// "status".
#pragma once

#include "engine/row.h"
#include "net/net.h"
#include "session/session.h"

#define REMOTE_REPORT_MAX 9 // keys of "status"

struct remote_report {
    bool is_connected;
    size_t n;
    struct {
        const char *key;
        char *value;
    } status[REMOTE_REPORT_MAX];
};

// `remote` is NULL if it is not open; `error` is the reason then. `now` is monotonic.
void remote_report_init(struct remote_report *report, const struct remote *remote,
                        const char *error, usec_t now);
void remote_report_done(struct remote_report *report);
// Whether the row differs from the report in more than the seconds that have passed.
bool remote_report_is_news(const struct remote_report *report, const struct row *row);
// Writes the report to those columns that exist and have a suitable type.
void remote_report_write(const struct remote_report *report, struct row *row);
