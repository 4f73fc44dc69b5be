// SPDX-License-Identifier: Apache-2.0
// Which refusals have been logged. A refused server tries again every second.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REFUSALS_KEPT 32

struct refusals { // a zeroed struct is empty
    struct refusal {
        char *subject, *reason;
    } list[REFUSALS_KEPT];
    size_t next; // the oldest one
};

void refusals_done(struct refusals *refusals);
// Returns true unless the latest reason of this subject is the same.
bool refusals_add(struct refusals *refusals, const char *subject, const char *reason);
// The subject is no longer refused.
void refusals_forget(struct refusals *refusals, const char *subject);
