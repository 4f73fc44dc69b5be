// SPDX-License-Identifier: Apache-2.0
// How a remote does, as it is told in the row of a database that names it: the columns
// "is_connected" and "status".
#pragma once

#include "engine/row.h"
#include "net/net.h"
#include "session/session.h"

#define REMOTE_REPORT_MAX 9

struct remote_report {
    bool is_connected;
    size_t n;
    struct {
        const char *key;
        char *value;
    } status[REMOTE_REPORT_MAX];
};

// `remote` is NULL, with the reason `error`, if it cannot be had. `now` is monotonic.
void remote_report_init(struct remote_report *report, const struct remote *remote,
                        const char *error, usec_t now);
void remote_report_done(struct remote_report *report);
// Whether it tells what the row does not; that time has passed does not count.
bool remote_report_is_news(const struct remote_report *report, const struct row *row);
// Writes it to the columns that are there and can hold it.
void remote_report_write(const struct remote_report *report, struct row *row);
