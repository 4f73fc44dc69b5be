// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/metrics.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "config.h"
#include "daemon/cluster/control.h"
#include "daemon/cluster/status_reply.h"
#include "daemon/parts.h"
#include "daemon/replication/relay.h"
#include "daemon/replication/sync.h"
#include "engine/history.h"
#include "session/usage.h"

#include <malloc.h>
#include <string.h>
#include <sys/resource.h>

#define SECONDS(usec) ((double)(usec) / (double)USEC_PER_SEC)

// Where the metrics are written, and in which of the two formats.
struct exposition {
    struct buf *text;
    enum metrics_format format;
};

static void put_escaped(const struct exposition *out, const char *value, bool with_quotes)
{
    for (const char *p = value; *p; p++) {
        if (*p == '\n') {
            buf_puts(out->text, "\\n");
            continue;
        }
        if ((*p == '"' && with_quotes) || *p == '\\') {
            buf_putc(out->text, '\\');
        }
        buf_putc(out->text, *p);
    }
}

// The suffix that samples of a family of this type append to the name of the family. The classic
// format has the suffix in the metadata too.
static const char *suffix_of(const char *type)
{
    return !strcmp(type, "counter") ? "_total" : !strcmp(type, "info") ? "_info" : "";
}

// Writes the metadata of a family. `unit` is the last part of its name, or "".
static void begin_family(const struct exposition *out, const char *name, const char *type,
                         const char *unit, const char *help)
{
    bool is_classic = out->format == METRICS_CLASSIC;
    const char *suffix = is_classic ? suffix_of(type) : "";

    buf_printf(out->text, "# TYPE ovsdb_%s%s %s\n", name, suffix,
               is_classic && !strcmp(type, "info") ? "gauge" : type);
    if (unit[0] && !is_classic) {
        buf_printf(out->text, "# UNIT ovsdb_%s %s\n", name, unit);
    }
    buf_printf(out->text, "# HELP ovsdb_%s%s ", name, suffix);
    put_escaped(out, help, !is_classic); // the classic format has no \" here
    buf_puts(out->text, ".\n");
}

static void put_gauge(const struct exposition *out, const char *name, const char *unit,
                      const char *help, double value)
{
    begin_family(out, name, "gauge", unit, help);
    buf_printf(out->text, "ovsdb_%s %.17g\n", name, value);
}

static void put_labelled(const struct exposition *out, const char *name, const char *label,
                         const char *of, double value)
{
    buf_printf(out->text, "ovsdb_%s{%s=\"", name, label);
    put_escaped(out, of, true);
    buf_printf(out->text, "\"} %.17g\n", value);
}

static void put_counters(const struct exposition *out)
{
    struct counter *counter = NULL;

    while ((counter = counter_next(counter))) {
        begin_family(out, counter->name, "counter", "", counter->help);
        buf_printf(out->text, "ovsdb_%s_total %llu\n", counter->name,
                   (unsigned long long)counter->value);
    }
}

static void put_buckets(const struct exposition *out, const char *name,
                        const struct duration *duration)
{
    uint64_t n = 0;

    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        n += duration->buckets[i];
        buf_printf(out->text, "ovsdb_%s_bucket{le=\"%s\"} %llu\n", name, duration_bounds[i].seconds,
                   (unsigned long long)n);
    }
    buf_printf(out->text, "ovsdb_%s_bucket{le=\"+Inf\"} %llu\n", name,
               (unsigned long long)duration->n);
}

static void put_durations(const struct exposition *out)
{
    struct duration *duration = NULL;

    while ((duration = duration_next(duration))) {
        _cleanup_free_ char *name = xasprintf("%s_seconds", duration->name);
        _cleanup_free_ char *longest = xasprintf("%s_longest_seconds", duration->name);

        begin_family(out, name, "histogram", "seconds", duration->help);
        put_buckets(out, name, duration);
        buf_printf(out->text, "ovsdb_%s_count %llu\novsdb_%s_sum %.9g\n", name,
                   (unsigned long long)duration->n, name, SECONDS(duration->total));
        put_gauge(out, longest, "seconds", "Longest of these durations",
                  SECONDS(duration->longest));
    }
}

struct database_metric {
    const char *name, *type, *unit, *help;
    bool is_of_file; // not of relays
    double (*value)(struct db *db, struct store *store);
};

static double rows_of(struct db *db, struct store *store)
{
    struct db_usage usage;

    db_usage(db, &usage);
    return (double)usage.n_rows;
}

static double memory_of(struct db *db, struct store *store)
{
    return (double)db_memory(db);
}

static double history_of(struct db *db, struct store *store)
{
    return (double)db_history_memory(db);
}

static double file_of(struct db *db, struct store *store)
{
    return (double)store_size(store);
}

static double commits_of(struct db *db, struct store *store)
{
    return (double)db_tail(db)->seq;
}

static double is_read_only(struct db *db, struct store *store)
{
    return store_failure(store) != NULL;
}

static void put_databases(const struct parts *parts, const struct exposition *out)
{
    static const struct database_metric metrics[] = {
        {"database_rows", "gauge", "", "Rows in the database", false, rows_of},
        {"database_memory_bytes", "gauge", "bytes", "Approximate memory of its rows", false,
         memory_of},
        {"database_history_bytes", "gauge", "bytes",
         "Approximate memory of its recent changes, which clients resume from", false, history_of},
        {"database_file_bytes", "gauge", "bytes", "Size of its file", true, file_of},
        {"database_commits", "counter", "", "Commits since it was opened", false, commits_of},
        {"database_failed", "gauge", "", "1 if its file could not be synced: it is read-only", true,
         is_read_only},
    };

    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        const struct database_metric *metric = &metrics[i];
        bool is_counter = !strcmp(metric->type, "counter");
        _cleanup_free_ char *sample = xasprintf("%s%s", metric->name, is_counter ? "_total" : "");
        const char *name;
        size_t state = 0;
        struct db *db;

        begin_family(out, metric->name, metric->type, metric->unit, metric->help);
        while ((db = databases_next_db(parts->databases, &state, &name))) {
            struct store *store = databases_find(parts->databases, name);

            if (store || !metric->is_of_file) {
                put_labelled(out, sample, "database", name, metric->value(db, store));
            }
        }
    }
}

struct cluster_metric {
    const char *name, *type, *help;
    uint64_t (*value)(const struct cluster_status *status);
};

#define CLUSTER_VALUE(function, expression)                                                        \
    static uint64_t function(const struct cluster_status *status)                                  \
    {                                                                                              \
        return (expression);                                                                       \
    }

CLUSTER_VALUE(cluster_connected, status->state == CLUSTER_MEMBER && !uuid_is_zero(status->leader))
CLUSTER_VALUE(cluster_term, status->term)
CLUSTER_VALUE(cluster_last_index, status->last_index)
CLUSTER_VALUE(cluster_commit_index, status->commit_index)
CLUSTER_VALUE(cluster_applied_index, status->applied_index)
CLUSTER_VALUE(cluster_members, status->n_members)
CLUSTER_VALUE(cluster_elections, status->n_elections)
CLUSTER_VALUE(cluster_leader_changes, status->n_leader_changes)
CLUSTER_VALUE(cluster_disconnections, status->n_disconnections)
CLUSTER_VALUE(cluster_messages_sent, status->n_messages_sent)
CLUSTER_VALUE(cluster_messages_received, status->n_messages_received)
CLUSTER_VALUE(cluster_snapshots_sent, status->n_snapshots_sent)
CLUSTER_VALUE(cluster_snapshots_installed, status->n_snapshots_installed)

static const struct cluster_metric cluster_metrics[] = {
    {"cluster_connected", "gauge", "1 if this server is a member that knows a leader",
     cluster_connected},
    {"cluster_term", "gauge", "Term of the cluster", cluster_term},
    {"cluster_last_index", "gauge", "Index of the last entry of the log", cluster_last_index},
    {"cluster_commit_index", "gauge", "Index of the last entry that a majority has stored",
     cluster_commit_index},
    {"cluster_applied_index", "gauge", "Index of the last committed entry in the database",
     cluster_applied_index},
    {"cluster_members", "gauge", "Members of the cluster", cluster_members},
    {"cluster_elections", "counter", "Elections that this server has started", cluster_elections},
    {"cluster_leader_changes", "counter", "Changes of the leader", cluster_leader_changes},
    {"cluster_disconnections", "counter", "Connections to other members that have ended",
     cluster_disconnections},
    {"cluster_messages_sent", "counter", "Messages sent to other members", cluster_messages_sent},
    {"cluster_messages_received", "counter", "Messages received from other members",
     cluster_messages_received},
    {"cluster_snapshots_sent", "counter", "Snapshots sent to other members",
     cluster_snapshots_sent},
    {"cluster_snapshots_installed", "counter", "Snapshots received from a leader",
     cluster_snapshots_installed},
};

// A sample with a second label.
static void put_of_cluster(const struct exposition *out, const char *name, const char *database,
                           const char *label, const char *of, uint64_t value)
{
    buf_printf(out->text, "ovsdb_%s{database=\"", name);
    put_escaped(out, database, true);
    buf_printf(out->text, "\",%s=\"", label);
    put_escaped(out, of, true);
    buf_printf(out->text, "\"} %llu\n", (unsigned long long)value);
}

static void put_roles(const struct cluster_status *clusters, size_t n, const struct exposition *out)
{
    begin_family(out, "cluster_role", "gauge", "", "1 for the role of this server");
    for (size_t i = 0; i < n; i++) {
        for (int role = 0; role < CLUSTER_N_ROLES; role++) {
            put_of_cluster(out, "cluster_role", clusters[i].name, "role",
                           cluster_role_name((enum cluster_role)role),
                           clusters[i].role == (enum cluster_role)role);
        }
    }
}

// The lag is known to the leader only.
static void put_lags(const struct cluster_status *clusters, size_t n, const struct exposition *out)
{
    begin_family(out, "cluster_member_lag", "gauge", "",
                 "Entries of the leader's log that the member has not stored");
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < clusters[i].n_members; j++) {
            const struct cluster_member *member = &clusters[i].members[j];
            char id[UUID_TEXT_SIZE];

            if (member->has_progress) {
                put_of_cluster(out, "cluster_member_lag", clusters[i].name, "server",
                               uuid_text(member->id, id), member->lag);
            }
        }
    }
}

void metrics_put_clusters(const struct cluster_status *clusters, size_t n,
                          enum metrics_format format, struct buf *text)
{
    const struct exposition exposition = {text, format}, *out = &exposition;

    put_roles(clusters, n, out);
    for (size_t i = 0; i < ARRAY_SIZE(cluster_metrics); i++) {
        const struct cluster_metric *metric = &cluster_metrics[i];
        _cleanup_free_ char *sample = xasprintf("%s%s", metric->name, suffix_of(metric->type));

        begin_family(out, metric->name, metric->type, "", metric->help);
        for (size_t j = 0; j < n; j++) {
            put_labelled(out, sample, "database", clusters[j].name,
                         (double)metric->value(&clusters[j]));
        }
    }
    put_lags(clusters, n, out);
}

static void put_clusters(const struct parts *parts, const struct exposition *out)
{
    const struct cluster_control *control = parts->cluster_control;
    _cleanup_free_ struct cluster_status *clusters = NULL;
    size_t n = 0, capacity = 0, state = 0;
    const char *name;

    while (control && databases_next_db(parts->databases, &state, &name)) {
        GROW(clusters, n, capacity);
        n += control->status(control->userdata, name, &clusters[n]);
    }
    if (n) {
        metrics_put_clusters(clusters, n, out->format, out->text);
    }
}

static void put_relays(const struct parts *parts, const struct exposition *out)
{
    struct relay_state relay;
    const char *name;
    size_t state = 0;

    begin_family(out, "relay_connected", "gauge", "", "1 if the source of the relay is connected");
    while (databases_next_db(parts->databases, &state, &name)) {
        if (relay_state(parts->relays, name, &relay)) {
            put_labelled(out, "relay_connected", "database", name, relay.is_connected);
        }
    }
}

static double is_backup(const struct sync *sync, const char *name)
{
    return sync_settings(sync, name).is_backup;
}

static double is_replicating(const struct sync *sync, const char *name)
{
    return sync_state(sync, name).is_replicating;
}

static void put_replication(const struct sync *sync, const struct exposition *out)
{
    static const struct {
        const char *name, *help;
        double (*value)(const struct sync *sync, const char *name);
    } metrics[] = {
        {"database_backup", "1 if it is a backup", is_backup},
        {"database_replicating", "1 if it is a backup that follows its active server",
         is_replicating},
    };

    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        const char *name = NULL;

        begin_family(out, metrics[i].name, "gauge", "", metrics[i].help);
        while ((name = sync_next(sync, name))) {
            put_labelled(out, metrics[i].name, "database", name, metrics[i].value(sync, name));
        }
    }
}

static void put_clients(const struct parts *parts, const struct exposition *out)
{
    const struct session *session = NULL;
    struct server_usage usage;
    struct net_usage clients;
    struct limits taken;
    size_t owed = 0;

    net_usage(parts->net, &clients);
    begin_family(out, "clients", "gauge", "", "Clients connected");
    put_labelled(out, "clients", "transport", "unix", (double)clients.n_unix);
    put_labelled(out, "clients", "transport", "tcp", (double)clients.n_tcp);
    put_labelled(out, "clients", "transport", "tls", (double)clients.n_tls);
    server_usage(parts->server, &usage);
    put_gauge(out, "monitors", "", "Monitors of all clients", (double)usage.n_monitors);
    put_gauge(out, "waiting_transactions", "", "Waiting transactions", (double)usage.n_triggers);
    put_gauge(out, "locks", "", "Locks held", (double)usage.n_locks);
    put_gauge(out, "remotes", "", "Remotes in use", (double)remotes_count(parts->remotes));
    put_gauge(out, "backlog_bytes", "bytes", "Output queued for clients",
              (double)net_backlog(parts->net));
    while ((session = server_next_session(parts->server, session))) {
        struct session_usage of_session;

        session_usage(session, &of_session);
        owed += of_session.owed;
    }
    server_taken(parts->server, &taken.server);
    put_gauge(out, "owed_bytes", "bytes",
              "Memory kept for updates that slow clients have not received", (double)owed);
    put_gauge(out, "largest_backlog_bytes", "bytes",
              "Largest amount queued and kept for one client", (double)taken.server.max_backlog);
    put_gauge(out, "backlog_limit_bytes", "bytes", "Amount above which a client is disconnected",
              (double)parts->options->limits.server.max_backlog);
    put_gauge(out, "backup", "", "1 if all databases are backups",
              sync_role(parts->sync) == SYNC_BACKUP);
}

static void put_log(const struct exposition *out)
{
    begin_family(out, "log_messages", "counter", "", "Messages logged, by level");
    for (int level = LOG_LEVEL_EMER; level < LOG_LEVEL_DBG; level++) {
        put_labelled(out, "log_messages_total", "level", log_level_name((enum log_level)level),
                     (double)log_counts[level]);
    }
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / (double)USEC_PER_SEC;
}

static void put_process(const struct exposition *out)
{
    struct mallinfo2 heap = mallinfo2();
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    begin_family(out, "cpu_seconds", "counter", "seconds", "Processor time used");
    buf_printf(out->text, "ovsdb_cpu_seconds_total %.6f\n", cpu_seconds(&usage));
    put_gauge(out, "heap_bytes", "bytes", "Memory in use, as the allocator counts it",
              (double)(heap.uordblks + heap.hblkhd));
    put_gauge(out, "resident_peak_bytes", "bytes", "Largest resident memory so far",
              (double)usage.ru_maxrss * 1024);
}

void metrics_put(const struct parts *parts, enum metrics_format format, struct buf *text)
{
    const struct exposition exposition = {text, format}, *out = &exposition;

    begin_family(out, "build", "info", "", "This program");
    buf_puts(text, "ovsdb_build_info{version=\"" OVSDBD_VERSION "\"} 1\n");
    put_databases(parts, out);
    put_relays(parts, out);
    put_clusters(parts, out);
    put_replication(parts->sync, out);
    put_clients(parts, out);
    put_counters(out);
    put_durations(out);
    put_log(out);
    put_process(out);
    if (format == METRICS_OPENMETRICS) {
        buf_puts(text, "# EOF\n");
    }
}
