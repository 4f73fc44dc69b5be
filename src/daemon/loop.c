// SPDX-License-Identifier: Apache-2.0
#include "daemon/loop.h"

#include "basic/counter.h"
#include "basic/log.h"

#define SLOW_STEP (1 * USEC_PER_SEC)

LOG_MODULE(coverage);
DURATION(loop_step, "Steps of the event loop; all clients wait for each");

// Logs a slow step with all counters, which may show the reason.
static void report_slow_step(usec_t took)
{
    static struct log_limit limit = LOG_LIMIT_INIT(6, 1);
    struct counter *counter = NULL;

    if (!log_limit_pass(&limit, log_this_module, LOG_LEVEL_INFO)) {
        return;
    }
    log_info("a step of the event loop took %llu ms; counted so far:",
             (unsigned long long)(took / USEC_PER_MSEC));
    while ((counter = counter_next(counter))) {
        if (counter->value) {
            log_info("%s: %llu", counter->name, (unsigned long long)counter->value);
        }
    }
}

// Runs the callback of one event source. 0 or negative errno.
static int dispatch_measured(sd_event *event)
{
    usec_t start = clock_monotonic();
    int r = sd_event_dispatch(event);
    usec_t took = clock_monotonic() - start;

    duration_add(&duration_loop_step, took);
    if (took >= SLOW_STEP) {
        report_slow_step(took);
    }
    return r;
}

int loop_run(sd_event *event)
{
    while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
        int r = sd_event_prepare(event);

        if (!r) {
            r = sd_event_wait(event, USEC_INFINITY);
        }
        if (r > 0) {
            r = dispatch_measured(event);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
