// SPDX-License-Identifier: Apache-2.0
// Helper threads, for what blocks. What runs on one has a name that ends in _mt.
#pragma once

#include <pthread.h>

// Starts a thread that takes no signals: those are the event loop's. `name` is what the system
// calls it, at most 15 bytes. The caller joins or detaches it. 0 or negative errno.
int thread_start(pthread_t *ret, const char *name, void *(*run_mt)(void *userdata), void *userdata);
