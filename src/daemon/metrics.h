// SPDX-License-Identifier: Apache-2.0
// The server's metrics as OpenMetrics 1.0 text: the command "metrics", and GET /metrics. Every
// counter and duration of basic/counter.h is one, and what there is right now.
#pragma once

#include "basic/buf.h"

struct daemon;

void metrics_put(const struct daemon *daemon, struct buf *text); // O(counters + databases)
