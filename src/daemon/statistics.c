// SPDX-License-Identifier: Apache-2.0
#include "daemon/statistics.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "engine/history.h"

#include <sys/resource.h>

// The first words on memory come when the server has settled, more when it has grown by half.
#define MEMORY_FIRST_SAMPLES 2

LOG_MODULE(memory);

static void put_memory(const struct daemon *daemon, struct buf *text)
{
    struct db_usage total = {0};
    struct server_usage usage;
    size_t memory = 0, history = 0;
    struct store *store;
    size_t state = 0;
    const char *name;

    while ((store = databases_next(daemon->databases, &state, &name))) {
        struct db_usage one;

        db_usage(store_db(store), &one);
        total.n_rows += one.n_rows;
        total.n_cells += one.n_cells;
        total.n_weak_refs += one.n_weak_refs;
        memory += db_memory(store_db(store));
        history += db_history_memory(store_db(store));
    }
    server_usage(daemon->server, &usage);
    buf_printf(text,
               "backlog:%zu cells:%zu history-bytes:%zu locks:%zu monitors:%zu n-weak-refs:%zu "
               "row-bytes:%zu "
               "rows:%zu sessions:%zu triggers:%zu",
               net_backlog(daemon->net), total.n_cells, history, usage.n_locks, usage.n_monitors,
               total.n_weak_refs, memory, total.n_rows, usage.n_sessions, usage.n_triggers);
}

static void on_memory_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};

    put_memory(userdata, &text);
    command_reply(call, buf_cstr(&text));
}

// Those that have counted something, as scripts for the "coverage" of other servers read it.
static void on_coverage_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};
    struct counter *counter = NULL;
    unsigned n_never = 0;

    buf_puts(&text, "Event coverage, avg rate over last: 5 seconds, last minute, last hour\n");
    while ((counter = counter_next(counter))) {
        struct counter_rates rates;

        if (!counter->value) {
            n_never++;
            continue;
        }
        counter_rates(counter, &rates);
        buf_printf(&text, "%-24s %11.1f/sec %11.3f/sec %12.4f/sec   total: %llu\n", counter->name,
                   rates.recent, rates.minute, rates.hour, (unsigned long long)counter->value);
    }
    buf_printf(&text, "%u events never hit\n", n_never);
    command_reply(call, buf_cstr(&text));
}

static void on_read_counter(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct counter *counter = counter_find(argv[1]);
    _cleanup_free_ char *text = NULL;

    if (!counter) {
        command_reply_error(call, "No such counter");
        return;
    }
    text = xasprintf("%llu", (unsigned long long)counter->value);
    command_reply(call, text);
}

static void on_perf_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};
    struct duration *duration = NULL;

    buf_puts(&text,
             "what                  times     total-ms   average-us   longest-us\n"
             "------------------ -------- ------------ ------------ ------------\n");
    while ((duration = duration_next(duration))) {
        buf_printf(&text, "%-18s %8llu %12llu %12llu %12llu\n", duration->name,
                   (unsigned long long)duration->n,
                   (unsigned long long)(duration->total / USEC_PER_MSEC),
                   (unsigned long long)(duration->n ? duration->total / duration->n : 0),
                   (unsigned long long)duration->longest);
    }
    command_reply(call, buf_cstr(&text));
}

static void on_perf_clear(struct command_call *call, int argc, char **argv, void *userdata)
{
    durations_clear();
    command_reply(call, "");
}

static void on_metrics(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};

    metrics_put(userdata, &text);
    command_reply(call, buf_cstr(&text));
}

void statistics_register_commands(struct command_registry *registry, struct daemon *daemon)
{
    const struct command commands[] = {
        {"memory/show", "", 0, 0, on_memory_show, daemon, .reads = true},
        {"coverage/show", "", 0, 0, on_coverage_show, NULL, .reads = true},
        {"coverage/read-counter", "COUNTER", 1, 1, on_read_counter, NULL, .reads = true},
        {"metrics", "", 0, 0, on_metrics, daemon, .reads = true},
        {"ovsdb-server/perf-counters-show", "", 0, 0, on_perf_show, NULL, .reads = true},
        {"ovsdb-server/perf-counters-clear", "", 0, 0, on_perf_clear, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        command_register(registry, &commands[i]);
    }
    status_register_command(registry, daemon);
}

static void log_memory(const struct daemon *daemon, long peak_kb)
{
    _cleanup_buf_ struct buf text = {0};

    put_memory(daemon, &text);
    log_info("peak resident set size %ld kB; %s", peak_kb, buf_cstr(&text));
}

static int on_sample(sd_event_source *source, usec_t when, void *userdata)
{
    struct daemon *daemon = userdata;
    struct rusage usage;

    counters_sample();
    status_tell(daemon);
    getrusage(RUSAGE_SELF, &usage);
    if (++daemon->n_samples == MEMORY_FIRST_SAMPLES ||
        (daemon->logged_peak_kb && usage.ru_maxrss >= daemon->logged_peak_kb * 3 / 2)) {
        daemon->logged_peak_kb = usage.ru_maxrss;
        log_memory(daemon, usage.ru_maxrss);
    }
    sd_event_source_set_time_relative(source, COUNTER_SAMPLE_INTERVAL);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int statistics_start(struct daemon *daemon)
{
    int r = sd_event_add_time_relative(daemon->event, &daemon->statistics, CLOCK_MONOTONIC,
                                       COUNTER_SAMPLE_INTERVAL, USEC_PER_MSEC, on_sample, daemon);

    return r < 0 ? r : sd_event_source_set_description(daemon->statistics, "statistics");
}
