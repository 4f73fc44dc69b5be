// SPDX-License-Identifier: Apache-2.0
// Counters, durations and memory use of the server: the commands memory/show, coverage/*,
// ovsdb-server/perf-counters-* and metrics, and log messages when the memory grows.
#pragma once

#include <systemd/sd-event.h>

struct command_registry;
struct parts;
struct statistics;
struct status;

void statistics_register_commands(struct command_registry *registry, const struct parts *parts);
// Samples the counters, sends the status line and checks the memory use every
// COUNTER_SAMPLE_INTERVAL. `parts` and `status` must outlive it. 0 or negative errno.
int statistics_new(sd_event *event, const struct parts *parts, struct status *status,
                   struct statistics **ret);
void statistics_free(struct statistics *statistics); // NULL allowed
