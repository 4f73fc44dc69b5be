// SPDX-License-Identifier: Apache-2.0
// Time in microseconds. Layers without I/O (see tests/lint/layers.py) do not read clocks: their
// callers pass the time as an argument.
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC 1000ull
#define USEC_PER_SEC  1000000ull
#define USEC_INFINITY UINT64_MAX

usec_t clock_monotonic(void); // since an arbitrary moment; never goes back
usec_t clock_realtime(void);  // since the epoch
