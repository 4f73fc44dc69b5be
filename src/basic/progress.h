// SPDX-License-Identifier: Apache-2.0
// A callback for long operations: they report their progress, and the callback can cancel them.
#pragma once

#include <stdint.h>

struct progress {
    // `what` names the operation, e.g. "loading"; `done` of `total` units are complete (`total` is
    // 0 if it is unknown). Returns 0 to continue, or a negative errno, with which the operation
    // fails.
    int (*step)(void *userdata, const char *what, uint64_t done, uint64_t total);
    void *userdata;
};

// Calls the callback. `progress` may be NULL; the result is 0 then.
static inline int progress_step(const struct progress *progress, const char *what, uint64_t done,
                                uint64_t total)
{
    return progress ? progress->step(progress->userdata, what, done, total) : 0;
}
