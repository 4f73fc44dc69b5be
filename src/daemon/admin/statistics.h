// SPDX-License-Identifier: Apache-2.0
// What the server counts and measures of itself: memory/show, coverage/*, perf-counters-* and
// metrics; and the log's lines on its memory.
#pragma once

#include "control/command.h"

struct daemon;

void statistics_register_commands(struct command_registry *registry, struct daemon *daemon);
// Samples the counters from now on. 0 or negative errno.
int statistics_start(struct daemon *daemon);
