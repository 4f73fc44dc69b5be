// SPDX-License-Identifier: Apache-2.0
#include "service/notify.h"

#include "basic/alloc.h"

#include <systemd/sd-daemon.h>

void notify_ready(void)
{
    sd_notify(0, "READY=1");
}

void notify_status(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    _cleanup_free_ char *text = xvasprintf(format, args);
    va_end(args);
    sd_notifyf(0, "STATUS=%s", text);
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_monotonic());
}

void notify_stopping(const char *status)
{
    sd_notifyf(0, "STOPPING=1%s%s", status ? "\nSTATUS=" : "", status ?: "");
}

void notify_extend_timeout(usec_t extra)
{
    sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu\nWATCHDOG=1", (unsigned long long)extra);
}
