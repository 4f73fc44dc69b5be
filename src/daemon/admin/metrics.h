// SPDX-License-Identifier: Apache-2.0
// The server's metrics, for the command "metrics" and for GET /metrics: every counter and duration
// of basic/counter.h, and the current use of each resource.
#pragma once

#include "basic/buf.h"
#include "cluster/status.h"

struct parts;

enum metrics_format {
    METRICS_OPENMETRICS, // OpenMetrics 1.0
    METRICS_CLASSIC,     // Prometheus text format 0.0.4
};

// Appends the metrics of these clustered databases, for metrics_put(). O(n x members).
void metrics_put_clusters(const struct cluster_status *clusters, size_t n,
                          enum metrics_format format, struct buf *text);
// Appends all metrics. O(counters + databases + sessions and their monitors).
void metrics_put(const struct parts *parts, enum metrics_format format, struct buf *text);
