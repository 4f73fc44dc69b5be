// SPDX-License-Identifier: Apache-2.0
// Requests that come while a reload runs share the next one: the files may have changed after the
// running one has read them.
#include "daemon/configuration/reload.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "control/command.h"
#include "daemon/admin/status.h"
#include "daemon/configuration/settings.h"
#include "daemon/handover/run_time.h"
#include "service/notify.h"
#include "service/vlog.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(ovsdb_server);

struct calls {
    struct command_call **items;
    size_t n, capacity;
};

struct reload {
    const struct parts *parts;
    struct status *status;
    struct run_time *run_time; // or NULL
    bool is_requested;
    bool is_running;
    struct calls waiting; // for the next reload
    struct calls running; // for the running one
};

struct reload *reload_new(const struct parts *parts, struct status *status)
{
    struct reload *reload = NEW(struct reload);

    reload->parts = parts;
    reload->status = status;
    return reload;
}

// `failure` stays the caller's; NULL: the reload has succeeded.
static void calls_answer(struct calls *calls, const struct failure *failure)
{
    for (size_t i = 0; i < calls->n; i++) {
        command_reply_failure(calls->items[i], failure_copy(failure));
    }
    free(calls->items);
    *calls = (struct calls){0};
}

void reload_free(struct reload *reload)
{
    if (reload) {
        _cleanup_failure_ struct failure *failure =
            failure_new_errno(ECANCELED, "the server is stopping");

        assert(!reload->is_running);
        calls_answer(&reload->waiting, failure);
        free(reload);
    }
}

void reload_set_run_time(struct reload *reload, struct run_time *run_time)
{
    reload->run_time = run_time;
}

// Logs the result and answers the calls. Takes `failure`.
static void on_reloaded(void *userdata, struct failure *failure)
{
    struct reload *reload = userdata;
    int r = vlog_reopen();

    if (!failure && r < 0) {
        failure = failure_from_errno(r, "the log file cannot be opened");
    }
    net_reload_tls(reload->parts->net);
    status_set_reload_failure(reload->status, failure);
    if (failure) {
        log_event(LOG_LEVEL_WARN, MSG_RELOAD_FAILED, NULL, "reload: %s", failure_text(failure));
    } else {
        log_event(LOG_LEVEL_INFO, MSG_RELOADED, NULL, "reloaded");
    }
    if (reload->run_time) {
        run_time_save_again(reload->run_time);
    }
    status_send(reload->status);
    notify_ready();
    reload->is_running = false;
    calls_answer(&reload->running, failure);
    failure_free(failure);
}

void reload_run(struct reload *reload)
{
    if (!reload->is_requested || reload->is_running ||
        databases_is_adding(reload->parts->databases)) {
        return;
    }
    reload->is_requested = false;
    reload->is_running = true;
    reload->running = reload->waiting;
    reload->waiting = (struct calls){0};
    notify_reloading();
    settings_reload(reload->parts, on_reloaded, reload);
}

void reload_request(struct reload *reload, struct command_call *call)
{
    reload->is_requested = true;
    if (call) {
        GROW(reload->waiting.items, reload->waiting.n, reload->waiting.capacity);
        reload->waiting.items[reload->waiting.n++] = call;
    }
    reload_run(reload);
}
