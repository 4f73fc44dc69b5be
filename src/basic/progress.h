// SPDX-License-Identifier: Apache-2.0
// Work that takes long tells how far it is, and hears whether it is to go on.
#pragma once

#include <stdint.h>

struct progress {
    // `what` is being done, a word such as "loading"; `done` of `total` (0: unknown). 0, or a
    // negative errno that ends the work: then it fails with it.
    int (*step)(void *userdata, const char *what, uint64_t done, uint64_t total);
    void *userdata;
};

// `progress` may be NULL.
static inline int progress_step(const struct progress *progress, const char *what, uint64_t done,
                                uint64_t total)
{
    return progress ? progress->step(progress->userdata, what, done, total) : 0;
}
