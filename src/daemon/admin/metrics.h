// SPDX-License-Identifier: Apache-2.0
// The server's metrics: the command "metrics", and GET /metrics. Every counter and duration of
// basic/counter.h is a metric, and so is the current use of each resource.
#pragma once

#include "basic/buf.h"

struct daemon;

enum metrics_format {
    METRICS_OPENMETRICS, // OpenMetrics 1.0
    METRICS_CLASSIC,     // Prometheus text format 0.0.4
};

// O(counters + databases + sessions and their monitors).
void metrics_put(const struct daemon *daemon, enum metrics_format format, struct buf *text);
