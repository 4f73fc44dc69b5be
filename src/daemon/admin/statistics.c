// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/statistics.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "control/command.h"
#include "control/reply_table.h"
#include "daemon/admin/metrics.h"
#include "daemon/admin/status.h"
#include "daemon/parts.h"
#include "engine/history.h"

#include <string.h>
#include <sys/resource.h>

// Memory use is logged first after this many samples, and again whenever it has grown by half.
#define MEMORY_FIRST_SAMPLES 2

LOG_MODULE(memory);

struct statistics {
    const struct parts *parts;
    struct status *status;
    sd_event_source *source; // the sampling timer
    unsigned n_samples;
    long logged_peak_kb; // memory use when it was logged last; 0: never
};

static json_t *memory_reply(const struct parts *parts)
{
    struct db_usage total = {0};
    struct server_usage usage;
    size_t memory = 0, history = 0;
    struct db *db;
    size_t state = 0;
    const char *name;

    while ((db = databases_next_db(parts->databases, &state, &name))) {
        struct db_usage one;

        db_usage(db, &one);
        total.n_rows += one.n_rows;
        total.n_cells += one.n_cells;
        total.n_weak_refs += one.n_weak_refs;
        memory += db_memory(db);
        history += db_history_memory(db);
    }
    server_usage(parts->server, &usage);
    return json_pack("{s{sI sI sI sI sI sI sI sI sI sI}}", "usage", "backlog",
                     (json_int_t)net_backlog(parts->net), "cells", (json_int_t)total.n_cells,
                     "history-bytes", (json_int_t)history, "locks", (json_int_t)usage.n_locks,
                     "monitors", (json_int_t)usage.n_monitors, "n-weak-refs",
                     (json_int_t)total.n_weak_refs, "row-bytes", (json_int_t)memory, "rows",
                     (json_int_t)total.n_rows, "sessions", (json_int_t)usage.n_sessions, "triggers",
                     (json_int_t)usage.n_triggers);
}

static void on_memory_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    command_reply_value(call, memory_reply(userdata), reply_print_counters);
}

static void print_coverage(const json_t *reply, struct buf *text)
{
    const json_t *counter;
    size_t i;

    buf_puts(text, "Event coverage, avg rate over last: 5 seconds, last minute, last hour\n");
    json_array_foreach(json_object_get(reply, "counters"), i, counter)
    {
        buf_printf(text, "%-24s %11.1f/sec %11.3f/sec %12.4f/sec   total: %lld\n",
                   reply_string(counter, "name"), reply_real(counter, "recent"),
                   reply_real(counter, "minute"), reply_real(counter, "hour"),
                   reply_integer(counter, "total"));
    }
    buf_printf(text, "%lld events never hit\n", reply_integer(reply, "never"));
}

// Shows the counters above 0. Scripts read this text: the format is that of other OVSDB servers.
static void on_coverage_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    json_t *counters = json_array();
    struct counter *counter = NULL;
    unsigned n_never = 0;

    while ((counter = counter_next(counter))) {
        struct counter_rates rates;

        if (!counter->value) {
            n_never++;
            continue;
        }
        counter_rates(counter, &rates);
        json_array_append_new(counters,
                              json_pack("{ss sf sf sf sI}", "name", counter->name, "recent",
                                        rates.recent, "minute", rates.minute, "hour", rates.hour,
                                        "total", (json_int_t)counter->value));
    }
    command_reply_value(call, json_pack("{so si}", "counters", counters, "never", (int)n_never),
                        print_coverage);
}

static void on_read_counter(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct counter *counter = counter_find(argv[1]);

    if (counter) {
        command_reply_value(call, json_pack("{sI}", "value", (json_int_t)counter->value),
                            reply_print_integer);
    } else {
        command_reply_error(call, "No such counter");
    }
}

static const struct command_field duration_fields[] = {
    {"what", FIELD_STRING},        //
    {"times", FIELD_INTEGER},      // how often it was measured
    {"total_ms", FIELD_INTEGER},   //
    {"average_us", FIELD_INTEGER}, //
    {"longest_us", FIELD_INTEGER}, //
    {NULL},
};

static void print_durations(const json_t *reply, struct buf *text)
{
    reply_print_records(json_object_get(reply, "durations"), duration_fields, text);
}

static void on_perf_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    json_t *durations = json_array();
    struct duration *duration = NULL;

    while ((duration = duration_next(duration))) {
        json_array_append_new(
            durations,
            json_pack("{ss sI sI sI sI}", "what", duration->name, "times", (json_int_t)duration->n,
                      "total_ms", (json_int_t)(duration->total / USEC_PER_MSEC), "average_us",
                      (json_int_t)(duration->n ? duration->total / duration->n : 0), "longest_us",
                      (json_int_t)duration->longest));
    }
    command_reply_value(call, json_pack("{so}", "durations", durations), print_durations);
}

static void on_perf_clear(struct command_call *call, int argc, char **argv, void *userdata)
{
    durations_clear();
    command_reply(call, "");
}

static void on_metrics(struct command_call *call, int argc, char **argv, void *userdata)
{
    bool is_classic = argc > 1 && !strcmp(argv[1], "text");
    _cleanup_buf_ struct buf text = {0};

    if (argc > 1 && !is_classic && strcmp(argv[1], "openmetrics")) {
        command_reply_error(call, "the format of metrics is openmetrics or text");
        return;
    }
    metrics_put(userdata, is_classic ? METRICS_CLASSIC : METRICS_OPENMETRICS, &text);
    command_reply(call, buf_cstr(&text));
}

static const struct command commands[] = {
    {"memory/show", "", 0, 0, on_memory_show, .method = "GetUsage",
     .result = COMMAND_FIELDS({"usage", FIELD_COUNTERS}), .reads = true},
    {"coverage/show", "", 0, 0, on_coverage_show, .method = "GetCounters",
     .result = COMMAND_FIELDS(
         {"counters", FIELD_RECORDS, false,
          COMMAND_FIELDS({"name", FIELD_STRING}, {"recent", FIELD_REAL}, {"minute", FIELD_REAL},
                         {"hour", FIELD_REAL}, {"total", FIELD_INTEGER})},
         {"never", FIELD_INTEGER}),
     .reads = true},
    {"coverage/read-counter", "COUNTER", 1, 1, on_read_counter, .method = "ReadCounter",
     .args = {{"counter", ARG_STRING}}, .result = COMMAND_FIELDS({"value", FIELD_INTEGER}),
     .reads = true},
    {"metrics", "[openmetrics|text]", 0, 1, on_metrics, .method = "GetMetrics",
     .args = {{"format", ARG_OPTIONAL_STRING}}, .result = COMMAND_STRING("metrics"), .reads = true},
    {"ovsdb-server/perf-counters-show", "", 0, 0, on_perf_show, .method = "GetDurations",
     .result = COMMAND_FIELDS({"durations", FIELD_RECORDS, false, duration_fields}), .reads = true},
    {"ovsdb-server/perf-counters-clear", "", 0, 0, on_perf_clear, .method = "ClearDurations"},
    {NULL},
};

void statistics_register_commands(struct command_registry *registry, const struct parts *parts)
{
    command_register(registry, commands, (void *)parts);
}

static void log_memory(const struct parts *parts, long peak_kb)
{
    _cleanup_buf_ struct buf text = {0};
    json_t *reply = memory_reply(parts);

    reply_print_counters(reply, &text);
    json_decref(reply);
    log_info("peak resident set size %ld kB; %s", peak_kb, buf_cstr(&text));
}

static int on_sample(sd_event_source *source, usec_t when, void *userdata)
{
    struct statistics *statistics = userdata;
    struct rusage usage;

    counters_sample();
    status_send(statistics->status);
    getrusage(RUSAGE_SELF, &usage);
    if (++statistics->n_samples == MEMORY_FIRST_SAMPLES ||
        (statistics->logged_peak_kb && usage.ru_maxrss >= statistics->logged_peak_kb * 3 / 2)) {
        statistics->logged_peak_kb = usage.ru_maxrss;
        log_memory(statistics->parts, usage.ru_maxrss);
    }
    sd_event_source_set_time_relative(source, COUNTER_SAMPLE_INTERVAL);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int statistics_new(sd_event *event, const struct parts *parts, struct status *status,
                   struct statistics **ret)
{
    struct statistics *statistics = NEW(struct statistics);
    int r;

    statistics->parts = parts;
    statistics->status = status;
    r = sd_event_add_time_relative(event, &statistics->source, CLOCK_MONOTONIC,
                                   COUNTER_SAMPLE_INTERVAL, USEC_PER_MSEC, on_sample, statistics);
    if (r < 0) {
        statistics_free(statistics);
        return r;
    }
    sd_event_source_set_description(statistics->source, "statistics");
    *ret = statistics;
    return 0;
}

void statistics_free(struct statistics *statistics)
{
    if (statistics) {
        sd_event_source_disable_unref(statistics->source);
        free(statistics);
    }
}
