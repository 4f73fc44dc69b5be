// SPDX-License-Identifier: Apache-2.0
// Remotes that databases name. After a commit to a table with names, the names are read again at
// the end of the loop's turn. When the state of a remote may have changed, its report is compared
// with its row and written.
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/remotes/entries.h"
#include "daemon/remotes/named.h"
#include "daemon/remotes/remotes.h"
#include "daemon/remotes/report.h"
#include "engine/txn.h"

#include <assert.h>

#define RETRY_INTERVAL_MIN USEC_PER_SEC // between attempts to open remotes
#define RETRY_INTERVAL_MAX (8 * USEC_PER_SEC)
#define COMMIT_RETRY       (5 * USEC_PER_SEC) // after a report that could not be written
#define REPORT_INTERVAL    USEC_PER_SEC       // at least between two reports

LOG_MODULE(ovsdb_server);

// Column and row that name a remote, for the log. Caller frees.
static char *place_of(const struct db_column *column, const struct named_remote *named)
{
    char uuid[UUID_TEXT_SIZE];

    return named->row ? xasprintf("%s, row %s", column->spec, uuid_text(named->row->uuid, uuid))
                      : xstrdup(column->spec);
}

static void log_failure(const struct remote_entry *entry, const char *place)
{
    log_event(LOG_LEVEL_WARN, MSG_REMOTE_FAILED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: %s", place, failure_text(entry->failure));
}

static void open_named(struct remotes *remotes, const struct db_column *column,
                       const struct named_remote *named)
{
    struct remote_entry *entry = remotes_insert(remotes, named->target, &named->settings);

    entry->origins = BY_DATABASE;
    if (!remotes_open(remotes, entry)) {
        _cleanup_free_ char *place = place_of(column, named);

        log_failure(entry, place);
    }
}

// With `is_there`, marks entries that the column names as wanted by a database; otherwise opens the
// remotes that have no entry yet.
static void apply_names(struct remotes *remotes, const struct db_column *column, bool is_there)
{
    size_t n;
    _cleanup_free_ struct named_remote *named = named_remotes_read(column, &n);

    for (size_t i = 0; i < n; i++) {
        struct remote_entry *entry = remotes_find_entry(remotes, named[i].target);

        if (db_column_is(named[i].target)) {
            continue; // a column cannot name another column
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

// Closes remotes that are no longer named before it opens new ones, which may need the same port.
static void follow_names(struct remotes *remotes)
{
    size_t n;
    _cleanup_free_ struct remote_entry **columns = remotes_collect(remotes, is_column, &n);

    remotes->is_named_anew = false;
    remotes_withdraw(remotes, BY_DATABASE);
    for (size_t i = 0; i < n; i++) {
        apply_names(remotes, columns[i]->column, true);
    }
    remotes_remove_unwanted(remotes);
    for (size_t i = 0; i < n; i++) {
        apply_names(remotes, columns[i]->column, false);
    }
}

static bool may_succeed_later(const struct remote_entry *entry)
{
    return entry->failure && remote_target_is_valid(entry->target);
}

static void retry_failed(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct remote_entry **entries = remotes_collect(remotes, may_succeed_later, &n);

    remotes->retry_interval = MIN(2 * remotes->retry_interval, RETRY_INTERVAL_MAX);
    remotes->retry_at = n ? now + remotes->retry_interval : USEC_INFINITY;
    for (size_t i = 0; i < n; i++) {
        _cleanup_failure_ struct failure *former = TAKE_PTR(entries[i]->failure);

        if (remotes_open(remotes, entries[i])) {
            log_info("%s: open now", entries[i]->target);
        } else if (strcmp(failure_text(former), failure_text(entries[i]->failure))) {
            log_failure(entries[i], "tried again");
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

// Reports

// Compares one report with its row. A difference is added to *txn, which is created if needed.
static void report_one(struct remotes *remotes, struct db *db, const struct named_remote *named,
                       usec_t now, struct txn **txn)
{
    const struct remote_entry *entry = remotes_find_entry(remotes, named->target);
    struct remote_report report;

    remote_report_init(&report, entry ? entry->remote : NULL,
                       entry && entry->failure ? failure_text(entry->failure)
                                               : "not a remote that a row can name",
                       now);
    if (remote_report_is_news(&report, named->row)) {
        *txn = *txn ? *txn : txn_new(db);
        remote_report_write(&report, txn_modify(*txn, named->row->table, named->row->uuid));
    }
    remote_report_done(&report);
}

// Commits the reports. A failure, such as a full disk, is logged and tried again later. True: it
// has committed a change.
static bool commit_report(struct remotes *remotes, struct txn *txn, const struct db_column *column,
                          usec_t now)
{
    static struct log_limit limit = LOG_LIMIT_INIT(2, 1);
    struct changeset *changes = NULL;
    uint64_t position;
    _cleanup_error_ struct ovsdb_error *error = txn_commit(txn, false, &changes, &position);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_limited(&limit, LOG_LEVEL_WARN, "%s: cannot write the status of remotes: %s",
                    column->spec, text);
        remotes->report_at = now + COMMIT_RETRY;
    }
    txn_free(txn);
    return changes;
}

// Reports all remotes that the column names. True: it has committed a change.
static bool report_column(struct remotes *remotes, const struct db_column *column, usec_t now)
{
    size_t n;
    _cleanup_free_ struct named_remote *named = named_remotes_read(column, &n);
    struct txn *txn = NULL;

    for (size_t i = 0; i < n && named[i].row; i++) {
        report_one(remotes, column->db, &named[i], now, &txn);
    }
    return txn && commit_report(remotes, txn, column, now);
}

static bool report_all(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct remote_entry **columns = remotes_collect(remotes, is_column, &n);
    bool has_written = false;

    assert(!remotes->is_reporting);
    remotes->is_reporting = true;
    remotes->report_at = USEC_INFINITY;
    for (size_t i = 0; i < n; i++) {
        const struct db_column *column = columns[i]->column;
        const struct store *store = databases_find(remotes->databases, column->db_name);

        if (!column->db || !store || store_failure(store) ||
            server_db_is_read_only(remotes->server, column->db)) {
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

// Whether a report may differ since the last call of this function.
static bool take_changes(struct remotes *remotes)
{
    struct server_usage usage;
    struct remotes_seen seen = {.n_changes = net_n_changes(remotes->net)};
    bool has_changed;

    server_usage(remotes->server, &usage);
    seen.n_lock_changes = usage.n_lock_changes;
    seen.n_role_changes = usage.n_role_changes;
    has_changed = seen.n_changes != remotes->seen.n_changes ||
                  seen.n_lock_changes != remotes->seen.n_lock_changes ||
                  seen.n_role_changes != remotes->seen.n_role_changes;
    remotes->seen = seen;
    return has_changed;
}

static void plan_report(struct remotes *remotes, usec_t now)
{
    remotes->report_at = MIN(remotes->report_at, MAX(now, remotes->reported + REPORT_INTERVAL));
}

void remotes_follow(struct remotes *remotes)
{
    if (remotes->is_named_anew) {
        usec_t now = clock_monotonic();

        follow_names(remotes);
        remotes_plan_retry(remotes, now);
        plan_report(remotes, now);
    }
}

bool remotes_run(struct remotes *remotes, usec_t now)
{
    remotes_follow(remotes);
    if (now >= remotes->retry_at) {
        retry_failed(remotes, now);
    }
    if (take_changes(remotes)) {
        plan_report(remotes, now);
    }
    return now >= remotes->report_at && report_all(remotes, now);
}

usec_t remotes_deadline(const struct remotes *remotes)
{
    return MIN(remotes->report_at, remotes->retry_at);
}
