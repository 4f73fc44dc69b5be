// SPDX-License-Identifier: Apache-2.0
// Remotes that databases name: a commit to a table with names makes them be read again, at the end
// of the loop's turn; what is told of them is looked at again when something that it depends on has
// changed.
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/remotes/entries.h"
#include "daemon/remotes/named.h"
#include "daemon/remotes/remotes.h"
#include "daemon/remotes/report.h"
#include "engine/txn.h"

#define RETRY_INTERVAL_MIN USEC_PER_SEC // for remotes that could not be opened
#define RETRY_INTERVAL_MAX (8 * USEC_PER_SEC)
#define COMMIT_RETRY       (5 * USEC_PER_SEC) // for a report that could not be written
#define REPORT_INTERVAL    USEC_PER_SEC       // at least between two reports

LOG_MODULE(ovsdb_server);

// Where a remote is named, for the log. Caller frees.
static char *place_of(const struct db_column *column, const struct named_remote *named)
{
    char uuid[UUID_TEXT_SIZE];

    return named->row ? xasprintf("%s, row %s", column->spec, uuid_text(named->row->uuid, uuid))
                      : xstrdup(column->spec);
}

static void tell_failure(const struct remote_entry *entry, const char *place)
{
    log_event(LOG_LEVEL_WARN, MSG_REMOTE_FAILED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: %s", place, entry->error);
}

static void open_named(struct remotes *remotes, const struct db_column *column,
                       const struct named_remote *named)
{
    struct remote_entry *entry = remotes_insert(remotes, named->target, &named->settings);

    entry->origins = BY_DATABASE;
    if (remotes_open(remotes, entry) < 0) {
        _cleanup_free_ char *place = place_of(column, named);

        tell_failure(entry, place);
    }
}

// Makes sure of what a column names: of what is there already, or of what is not.
static void ensure(struct remotes *remotes, const struct db_column *column, bool is_there)
{
    size_t n;
    _cleanup_free_ struct named_remote *named = named_remotes_read(column, &n);

    for (size_t i = 0; i < n; i++) {
        struct remote_entry *entry = remotes_find_entry(remotes, named[i].target);

        if (db_column_is(named[i].target)) {
            continue; // nothing leads on
        }
        if (entry && is_there) {
            if (remote_entry_has_no_origin(entry)) {
                remotes_change(entry, &named[i].settings);
            }
            entry->origins |= BY_DATABASE;
        } else if (!entry && !is_there) {
            open_named(remotes, column, &named[i]);
        }
    }
}

static bool is_column(const struct remote_entry *entry)
{
    return entry->column;
}

// First what is not named any more goes: what is new may need its port.
static void read_names(struct remotes *remotes)
{
    size_t n;
    _cleanup_free_ struct remote_entry **columns = remotes_collect(remotes, is_column, &n);

    remotes->is_named_anew = false;
    remotes_withdraw(remotes, BY_DATABASE);
    for (size_t i = 0; i < n; i++) {
        ensure(remotes, columns[i]->column, true);
    }
    remotes_remove_unwanted(remotes);
    for (size_t i = 0; i < n; i++) {
        ensure(remotes, columns[i]->column, false);
    }
}

static bool may_succeed_later(const struct remote_entry *entry)
{
    return entry->error && remote_target_is_valid(entry->target);
}

static void retry(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct remote_entry **entries = remotes_collect(remotes, may_succeed_later, &n);

    remotes->retry_interval = MIN(2 * remotes->retry_interval, RETRY_INTERVAL_MAX);
    remotes->retry_at = n ? now + remotes->retry_interval : USEC_INFINITY;
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *former = TAKE_PTR(entries[i]->error);

        if (remotes_open(remotes, entries[i]) >= 0) {
            log_info("%s: in use now", entries[i]->target);
        } else if (strcmp(former, entries[i]->error)) {
            tell_failure(entries[i], "tried again");
        }
    }
}

void remotes_plan_retry(struct remotes *remotes, usec_t now)
{
    remotes->retry_interval = RETRY_INTERVAL_MIN;
    remotes->retry_at = MIN(remotes->retry_at, now + remotes->retry_interval);
}

void remotes_retry(struct remotes *remotes)
{
    remotes->retry_at = 0;
    remotes->retry_interval = RETRY_INTERVAL_MIN;
}

// How they do

// Adds to *txn, made when it is needed.
static void report_one(struct remotes *remotes, struct db *db, const struct named_remote *named,
                       usec_t now, struct txn **txn)
{
    const struct remote_entry *entry = remotes_find_entry(remotes, named->target);
    struct remote_report report;

    remote_report_init(&report, entry ? entry->remote : NULL,
                       entry && entry->error ? entry->error : "not a remote that a row can name",
                       now);
    if (remote_report_is_news(&report, named->row)) {
        *txn = *txn ? *txn : txn_new(db);
        remote_report_write(&report, txn_modify(*txn, named->row->table, named->row->uuid));
    }
    remote_report_done(&report);
}

// A commit that fails, for a full disk perhaps, is tried again later.
static bool commit(struct remotes *remotes, struct txn *txn, const struct db_column *column,
                   usec_t now)
{
    static struct log_limit limit = LOG_LIMIT_INIT(2, 1);
    struct changeset *changes = NULL;
    uint64_t ticket;
    _cleanup_error_ struct ovsdb_error *error = txn_commit(txn, false, &changes, &ticket);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_limited(&limit, LOG_LEVEL_WARN, "%s: cannot write how the remotes do: %s", column->spec,
                    text);
        remotes->report_at = now + COMMIT_RETRY;
    }
    txn_free(txn);
    return changes;
}

// True if something was written.
static bool report_column(struct remotes *remotes, const struct db_column *column, usec_t now)
{
    size_t n;
    _cleanup_free_ struct named_remote *named = named_remotes_read(column, &n);
    struct txn *txn = NULL;

    for (size_t i = 0; i < n && named[i].row; i++) {
        report_one(remotes, column->db, &named[i], now, &txn);
    }
    return txn && commit(remotes, txn, column, now);
}

static bool report(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct remote_entry **columns = remotes_collect(remotes, is_column, &n);
    bool has_written = false;

    remotes->is_reporting = true;
    remotes->report_at = USEC_INFINITY;
    for (size_t i = 0; i < n; i++) {
        const struct db_column *column = columns[i]->column;
        const struct store *store = databases_find(remotes->databases, column->db_name);

        if (!column->db || store_failure(store) || server_is_backup(remotes->server)) {
            continue;
        }
        if (store_is_converting(store)) {
            remotes->report_at = now + REPORT_INTERVAL;
        } else if (report_column(remotes, column, now)) {
            has_written = true;
        }
    }
    remotes->is_reporting = false;
    remotes->reported = has_written ? now : remotes->reported;
    return has_written;
}

// Whether a report may have become different since this was called last.
static bool has_news(struct remotes *remotes)
{
    struct server_usage usage;
    struct remotes_seen seen = {.n_changes = net_n_changes(remotes->net)};
    bool has;

    server_usage(remotes->server, &usage);
    seen.n_lock_changes = usage.n_lock_changes;
    seen.is_backup = server_is_backup(remotes->server);
    has = seen.n_changes != remotes->seen.n_changes ||
          seen.n_lock_changes != remotes->seen.n_lock_changes ||
          seen.is_backup != remotes->seen.is_backup;
    remotes->seen = seen;
    return has;
}

static void plan_report(struct remotes *remotes, usec_t now)
{
    remotes->report_at = MIN(remotes->report_at, MAX(now, remotes->reported + REPORT_INTERVAL));
}

void remotes_follow(struct remotes *remotes)
{
    if (remotes->is_named_anew) {
        usec_t now = clock_monotonic();

        read_names(remotes);
        remotes_plan_retry(remotes, now);
        plan_report(remotes, now);
    }
}

bool remotes_run(struct remotes *remotes, usec_t now)
{
    remotes_follow(remotes);
    if (now >= remotes->retry_at) {
        retry(remotes, now);
    }
    if (has_news(remotes)) {
        plan_report(remotes, now);
    }
    return now >= remotes->report_at && report(remotes, now);
}

usec_t remotes_deadline(const struct remotes *remotes)
{
    return MIN(remotes->report_at, remotes->retry_at);
}
