// SPDX-License-Identifier: Apache-2.0
// What the service manager is told (sd_notify). Nothing happens when there is none.
#pragma once

#include "basic/clock.h"
#include "basic/macro.h"

void notify_ready(void); // READY=1
void notify_status(const char *format, ...) PRINTF_FORMAT(1, 2);
void notify_reloading(void); // RELOADING=1 with MONOTONIC_USEC=; notify_ready() ends it
void notify_stopping(const char *status); // STOPPING=1, STATUS=; NULL: the status stays
// Start or stop takes longer: `extra` more from now. Pets the watchdog too: call it from real
// progress.
void notify_extend_timeout(usec_t extra);
