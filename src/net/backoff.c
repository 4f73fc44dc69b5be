// SPDX-License-Identifier: Apache-2.0
#include "net/backoff.h"

#include "basic/macro.h"

#include <assert.h>

#define FIRST_WAIT_MS 1000

uint64_t backoff_next(struct backoff *backoff, uint64_t max_ms)
{
    uint64_t last = backoff->last_ms;

    assert(max_ms);
    if (!last) {
        backoff->last_ms = MIN(max_ms, (uint64_t)FIRST_WAIT_MS);
    } else {
        backoff->last_ms = last > max_ms / 2 ? max_ms : last * 2;
    }
    assert(backoff->last_ms && backoff->last_ms <= max_ms);
    return backoff->last_ms;
}

bool backoff_is_at_maximum(const struct backoff *backoff, uint64_t max_ms)
{
    return backoff->last_ms >= max_ms;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->last_ms = 0;
}

void backoff_connection_ended(struct backoff *backoff, usec_t lasted)
{
    if (lasted / USEC_PER_MSEC >= backoff->last_ms) {
        backoff_reset(backoff);
    }
}
