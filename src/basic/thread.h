// SPDX-License-Identifier: Apache-2.0
// Helper threads, for calls that block. The names of functions that run on one end in _mt.
#pragma once

#include <pthread.h>

// Starts a thread that blocks all signals, so that the event loop receives them. `name` is the name
// of the thread in the system, at most 15 bytes. The caller joins or detaches the thread. Returns 0
// or a negative errno.
int thread_start(pthread_t *ret, const char *name, void *(*run_mt)(void *userdata), void *userdata);
