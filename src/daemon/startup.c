// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "service/notify.h"
#include "service/pidfile.h"
#include "store/new_file.h"

#include <signal.h>
#include <string.h>

// The same work is told of at most this often, and asks for this much more time.
#define INTERVAL (1 * USEC_PER_SEC)
#define EXTENDS  (60 * USEC_PER_SEC)

LOG_MODULE(ovsdb_server);

static struct {
    const char *file;
    const char *what; // was told last; by its address, which is that of a constant
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

// The signals are blocked. Nobody is served yet, and files are replaced as a whole: there is
// nothing to bring to an end.
static void end_if_asked(void)
{
    static const int signals[] = {SIGTERM, SIGINT};
    sigset_t pending;

    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (sigismember(&pending, signals[i])) {
            log_event(LOG_LEVEL_INFO, MSG_STOPPING, NULL,
                      "stopping because of signal %d (%s), before %s was ready", signals[i],
                      strsignal(signals[i]), startup.file);
            notify_stopping("ended before everything was ready");
            new_files_remove();
            pidfile_remove();
            exit(EXIT_SUCCESS);
        }
    }
}

static void tell_status(const char *what, uint64_t done, uint64_t total)
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

    if (!startup.is_over) {
        end_if_asked();
    }
    if (what != startup.what || now - startup.told >= INTERVAL) {
        startup.what = what;
        startup.told = now;
        notify_extend_timeout(EXTENDS);
        tell_status(what, done, total);
    }
    return 0;
}
