// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup.h"

#include "basic/log.h"
#include "service/notify.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define REPORT_INTERVAL (1 * USEC_PER_SEC)  // at least between two reports of the same work
#define EXTEND_TIMEOUT  (60 * USEC_PER_SEC) // by which each report extends the start timeout

LOG_MODULE(ovsdb_server);

static struct {
    const char *file;
    const char *what; // the work of the last report: a string literal, compared by address
    usec_t reported_at;
    bool is_interrupted;
    bool is_over;
} startup;

void startup_begin(const char *file)
{
    startup.file = file;
    startup.reported_at = clock_monotonic();
}

void startup_is_over(void)
{
    startup.is_over = true;
}

bool startup_is_interrupted(void)
{
    return startup.is_interrupted;
}

// The signals are blocked until the event loop handles them, so they are pending here. Stopping at
// once is safe: no client is connected, and database files are replaced as a whole.
static bool has_stop_signal(void)
{
    static const int signals[] = {SIGTERM, SIGINT};
    sigset_t pending;

    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (sigismember(&pending, signals[i])) {
            log_info("stopping because of signal %d (%s), before %s was ready", signals[i],
                     strsignal(signals[i]), startup.file);
            return true;
        }
    }
    return false;
}

static void report_status(const char *what, uint64_t done, uint64_t total)
{
    if (total) {
        notify_status("%s %s: %llu %%", what, startup.file,
                      (unsigned long long)(done * 100 / total));
    } else {
        notify_status("%s %s", what, startup.file);
    }
}

int startup_progress(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    usec_t now = clock_monotonic();

    assert(startup.file);
    if (!startup.is_over && (startup.is_interrupted || has_stop_signal())) {
        startup.is_interrupted = true;
        return -ECANCELED;
    }
    if (what != startup.what || now - startup.reported_at >= REPORT_INTERVAL) {
        startup.what = what;
        startup.reported_at = now;
        notify_extend_timeout(EXTEND_TIMEOUT);
        report_status(what, done, total);
    }
    return 0;
}
