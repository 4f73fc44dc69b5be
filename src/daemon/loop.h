// SPDX-License-Identifier: Apache-2.0
// sd_event_loop() that measures how long each step takes.
#pragma once

#include <systemd/sd-event.h>

// Runs until sd_event_exit(). 0 or negative errno. Logs each step that takes a second or more,
// together with the values of all counters.
int loop_run(sd_event *event);
