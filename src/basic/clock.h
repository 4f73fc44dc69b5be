// SPDX-License-Identifier: Apache-2.0
// Time in microseconds. The layers without I/O never call this: time comes in as an argument.
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC 1000ull
#define USEC_PER_SEC  1000000ull
#define USEC_INFINITY UINT64_MAX

usec_t clock_monotonic(void);
usec_t clock_realtime(void); // since the epoch
