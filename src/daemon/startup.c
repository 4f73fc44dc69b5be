// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "service/notify.h"
#include "service/pidfile.h"

#include <signal.h>
#include <string.h>

// Progress is told at most this often, and asks for this much more time.
#define INTERVAL (1 * USEC_PER_SEC)
#define EXTENDS  (30 * USEC_PER_SEC)

LOG_MODULE(ovsdb_server);

static struct {
    const char *file;
    usec_t told;
    bool is_over;
} startup;

void startup_begin(const char *file)
{
    startup.file = file;
    startup.told = clock_monotonic();
}

void startup_is_over(void)
{
    startup.is_over = true;
}

// The signals are blocked. Nobody is served yet, and what was changed in files is whole: there is
// nothing to bring to an end.
static void end_if_asked(void)
{
    static const int signals[] = {SIGTERM, SIGINT};
    sigset_t pending;

    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (sigismember(&pending, signals[i])) {
            log_event(LOG_LEVEL_INFO, MSG_STOPPING, NULL,
                      "stopping because of signal %d (%s), before %s was loaded", signals[i],
                      strsignal(signals[i]), startup.file);
            notify_stopping("ended before everything was loaded");
            pidfile_remove();
            exit(EXIT_SUCCESS);
        }
    }
}

void startup_progress(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    usec_t now = clock_monotonic();

    if (!startup.is_over) {
        end_if_asked();
    }
    if (now - startup.told >= INTERVAL) {
        startup.told = now;
        notify_extend_timeout(EXTENDS);
        notify_status("%s %s: %llu %%", what, startup.file,
                      total ? (unsigned long long)(done * 100 / total) : 0ull);
    }
}
