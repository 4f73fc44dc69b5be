// SPDX-License-Identifier: Apache-2.0
// Messages to the service manager (sd_notify). Without one they have no effect.
#pragma once

#include "basic/clock.h"
#include "basic/macro.h"

void notify_ready(void); // READY=1
void notify_status(const char *format, ...) PRINTF_FORMAT(1, 2);
void notify_reloading(void); // RELOADING=1 with MONOTONIC_USEC=; notify_ready() ends it
void notify_stopping(const char *status); // STOPPING=1, STATUS=; NULL: the status stays
// EXTEND_TIMEOUT_USEC: starting or stopping takes `extra` more from now. Also resets the watchdog,
// so it must only be called after progress.
void notify_extend_timeout(usec_t extra);
