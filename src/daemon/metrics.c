// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "config.h"
#include "daemon/daemon.h"
#include "engine/history.h"

#include <malloc.h>
#include <string.h>
#include <sys/resource.h>

#define SECONDS(usec) ((double)(usec) / (double)USEC_PER_SEC)

static void put_escaped(struct buf *text, const char *value)
{
    for (const char *p = value; *p; p++) {
        if (*p == '\n') {
            buf_puts(text, "\\n");
            continue;
        }
        if (*p == '"' || *p == '\\') {
            buf_putc(text, '\\');
        }
        buf_putc(text, *p);
    }
}

// A family begins: `unit` is the last part of the name, or "".
static void begin(struct buf *text, const char *name, const char *type, const char *unit,
                  const char *help)
{
    buf_printf(text, "# TYPE ovsdb_%s %s\n", name, type);
    if (unit[0]) {
        buf_printf(text, "# UNIT ovsdb_%s %s\n", name, unit);
    }
    buf_printf(text, "# HELP ovsdb_%s ", name);
    put_escaped(text, help);
    buf_puts(text, ".\n");
}

static void put_gauge(struct buf *text, const char *name, const char *unit, const char *help,
                      double value)
{
    begin(text, name, "gauge", unit, help);
    buf_printf(text, "ovsdb_%s %.17g\n", name, value);
}

static void put_labelled(struct buf *text, const char *name, const char *label, const char *of,
                         double value)
{
    buf_printf(text, "ovsdb_%s{%s=\"", name, label);
    put_escaped(text, of);
    buf_printf(text, "\"} %.17g\n", value);
}

static void put_counters(struct buf *text)
{
    struct counter *counter = NULL;

    while ((counter = counter_next(counter))) {
        begin(text, counter->name, "counter", "", counter->help);
        buf_printf(text, "ovsdb_%s_total %llu\n", counter->name,
                   (unsigned long long)counter->value);
    }
}

static void put_durations(struct buf *text)
{
    struct duration *duration = NULL;

    while ((duration = duration_next(duration))) {
        _cleanup_free_ char *name = xasprintf("%s_seconds", duration->name);
        _cleanup_free_ char *longest = xasprintf("%s_longest_seconds", duration->name);

        begin(text, name, "summary", "seconds", duration->help);
        buf_printf(text, "ovsdb_%s_count %llu\novsdb_%s_sum %.9g\n", name,
                   (unsigned long long)duration->n, name, SECONDS(duration->total));
        put_gauge(text, longest, "seconds", "The longest of them", SECONDS(duration->longest));
    }
}

struct database_metric {
    const char *name, *type, *unit, *help;
    double (*value)(struct store *store);
};

static double rows_of(struct store *store)
{
    struct db_usage usage;

    db_usage(store_db(store), &usage);
    return (double)usage.n_rows;
}

static double memory_of(struct store *store)
{
    return (double)db_memory(store_db(store));
}

static double history_of(struct store *store)
{
    return (double)db_history_memory(store_db(store));
}

static double file_of(struct store *store)
{
    return (double)store_size(store);
}

static double commits_of(struct store *store)
{
    return (double)db_tail(store_db(store))->seq;
}

static double is_read_only(struct store *store)
{
    return store_failure(store) != NULL;
}

static void put_databases(const struct daemon *daemon, struct buf *text)
{
    static const struct database_metric metrics[] = {
        {"database_rows", "gauge", "", "Rows in the database", rows_of},
        {"database_memory_bytes", "gauge", "bytes", "Memory of its rows, about", memory_of},
        {"database_history_bytes", "gauge", "bytes",
         "Memory of its last changes, for clients that resume, about", history_of},
        {"database_file_bytes", "gauge", "bytes", "Size of its file", file_of},
        {"database_commits", "counter", "", "Commits since it was opened", commits_of},
        {"database_failed", "gauge", "", "1 if its file could not be synced: it is read-only",
         is_read_only},
    };

    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        const struct database_metric *metric = &metrics[i];
        bool is_counter = !strcmp(metric->type, "counter");
        _cleanup_free_ char *sample = xasprintf("%s%s", metric->name, is_counter ? "_total" : "");
        struct store *store;
        const char *name;
        size_t state = 0;

        begin(text, metric->name, metric->type, metric->unit, metric->help);
        while ((store = databases_next(daemon->databases, &state, &name))) {
            put_labelled(text, sample, "database", name, metric->value(store));
        }
    }
}

static void put_clients(const struct daemon *daemon, struct buf *text)
{
    struct server_usage usage;
    struct net_usage clients;

    net_usage(daemon->net, &clients);
    begin(text, "clients", "gauge", "", "Clients connected");
    put_labelled(text, "clients", "transport", "unix", (double)clients.n_unix);
    put_labelled(text, "clients", "transport", "tcp", (double)clients.n_tcp);
    put_labelled(text, "clients", "transport", "tls", (double)clients.n_tls);
    server_usage(daemon->server, &usage);
    put_gauge(text, "monitors", "", "Monitors of all clients", (double)usage.n_monitors);
    put_gauge(text, "waiting_transactions", "", "Transactions that wait", (double)usage.n_triggers);
    put_gauge(text, "locks", "", "Locks held", (double)usage.n_locks);
    put_gauge(text, "remotes", "", "Remotes in use", (double)remotes_count(daemon->remotes));
    put_gauge(text, "backlog_bytes", "bytes", "Output queued for clients",
              (double)net_backlog(daemon->net));
    put_gauge(text, "backup", "", "1 if this server is a backup of another one",
              sync_is_backup(daemon->sync));
}

static void put_log(struct buf *text)
{
    begin(text, "log_messages", "counter", "", "Messages logged, by level");
    for (int level = LOG_LEVEL_EMER; level < LOG_LEVEL_DBG; level++) {
        put_labelled(text, "log_messages_total", "level", log_level_name((enum log_level)level),
                     (double)log_counts[level]);
    }
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / (double)USEC_PER_SEC;
}

static void put_process(struct buf *text)
{
    struct mallinfo2 heap = mallinfo2();
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    begin(text, "cpu_seconds", "counter", "seconds", "Processor time used");
    buf_printf(text, "ovsdb_cpu_seconds_total %.6f\n", cpu_seconds(&usage));
    put_gauge(text, "heap_bytes", "bytes", "Memory in use, as the allocator counts it",
              (double)(heap.uordblks + heap.hblkhd));
    put_gauge(text, "resident_peak_bytes", "bytes", "The most memory that was ever resident",
              (double)usage.ru_maxrss * 1024);
}

void metrics_put(const struct daemon *daemon, struct buf *text)
{
    begin(text, "build", "info", "", "This program");
    buf_puts(text, "ovsdb_build_info{version=\"" OVSDBD_VERSION "\"} 1\n");
    put_databases(daemon, text);
    put_clients(daemon, text);
    put_counters(text);
    put_durations(text);
    put_log(text);
    put_process(text);
    buf_puts(text, "# EOF\n");
}
