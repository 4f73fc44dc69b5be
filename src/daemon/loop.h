// SPDX-License-Identifier: Apache-2.0
// sd_event_loop(), with an eye on how long its steps take.
#pragma once

#include <systemd/sd-event.h>

// Until sd_event_exit(). 0 or negative errno. A step that takes a second or more is logged, with
// what was counted so far.
int loop_run(sd_event *event);
