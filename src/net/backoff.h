// SPDX-License-Identifier: Apache-2.0
// How long a connector waits before it dials again: 1 s after the first failure, then twice the
// previous wait, up to a maximum. Pure: no clock.
#pragma once

#include "basic/clock.h"

#include <stdbool.h>

struct backoff {
    uint64_t last_ms; // the latest wait; 0: none since the last success
};

// Returns how long to wait now, in milliseconds. `max_ms` may be less than 1 s.
uint64_t backoff_next(struct backoff *backoff, uint64_t max_ms);
// True if the latest wait was the longest possible.
bool backoff_is_at_maximum(const struct backoff *backoff, uint64_t max_ms);
void backoff_reset(struct backoff *backoff);
// A connection has ended after the time `lasted`. A connection that lasted at least as long as the
// latest wait counts as a success.
void backoff_connection_ended(struct backoff *backoff, usec_t lasted);
