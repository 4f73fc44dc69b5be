// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes.h"

#include "basic/dirs.h"
#include "basic/hash.h"
#include "basic/htable.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/confinement.h"
#include "daemon/db_remotes.h"
#include "daemon/remote_report.h"
#include "engine/txn.h"
#include "net/address.h"

#include <errno.h>

#define RETRY_INTERVAL  (5 * USEC_PER_SEC) // for what could not be had
#define REPORT_INTERVAL USEC_PER_SEC       // at least between two reports

LOG_MODULE(ovsdb_server);

// Who wants a remote.
enum origin {
    BY_CONFIGURATION = 1 << 0,
    BY_COMMAND = 1 << 1,
    BY_SERVICE_MANAGER = 1 << 2,
    BY_DATABASE = 1 << 3,
};

struct entry {
    char *target; // as given
    char *key;    // the same for every way to write it
    unsigned origins;
    struct remote_settings settings; // the userdata of `remote`
    struct remote *remote;           // or NULL
    struct db_column *column;        // "db:...", has no `remote`
    char *error;                     // why it has none of both
};

// What reports depend on.
struct seen {
    uint64_t n_changes;
    uint64_t n_lock_changes;
    bool is_backup;
};

struct remotes {
    struct net *net;
    struct server *server;
    struct databases *databases;
    struct htable entries; // by key
    bool expects_tls;
    bool is_named_anew; // a database may name others than before
    bool is_reporting;
    struct seen seen;
    usec_t reported;  // when it was the last time
    usec_t report_at; // when it is the next time; USEC_INFINITY: not
    usec_t retry_at;  // the same for those with an error
};

struct remotes *remotes_new(struct net *net, struct server *server, struct databases *databases)
{
    struct remotes *remotes = NEW(struct remotes);

    remotes->net = net;
    remotes->server = server;
    remotes->databases = databases;
    remotes->report_at = remotes->retry_at = USEC_INFINITY;
    return remotes;
}

static bool is_any_host(const char *host)
{
    return !host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static char *key_of(const char *target)
{
    struct address address;
    char *key;

    if (address_parse(target, &address, NULL) < 0) {
        return xstrdup(target);
    }
    if (address.kind == ADDRESS_UNIX) {
        _cleanup_free_ char *path = dirs_path(dirs_run(), address.path);

        key = xasprintf("%sunix:%s", address.is_passive ? "p" : "", path);
    } else {
        key = xasprintf("%s%s:%u:%s", address.is_passive ? "p" : "",
                        address.kind == ADDRESS_TLS ? "ssl" : "tcp", address.port,
                        address.is_passive && is_any_host(address.host) ? "" : address.host);
    }
    address_done(&address);
    return key;
}

static uint64_t key_hash(const char *key)
{
    return hash_bytes(key, strlen(key), 0);
}

static struct entry *find(const struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *key = key_of(target);
    struct entry *entry;

    HTABLE_FOREACH_WITH_HASH(entry, &remotes->entries, key_hash(key))
    {
        if (!strcmp(entry->key, key)) {
            break;
        }
    }
    return entry;
}

static const char *role_of(const struct remote_settings *settings)
{
    return settings->role ? settings->role : "";
}

static void copy_settings(struct entry *entry, const struct remote_settings *settings)
{
    free((char *)entry->settings.role);
    entry->settings = *settings;
    entry->settings.role = xstrdup(role_of(settings));
}

static void entry_free(struct entry *entry)
{
    remote_free(entry->remote);
    db_column_free(entry->column);
    free((char *)entry->settings.role);
    free(entry->target);
    free(entry->key);
    free(entry->error);
    free(entry);
}

DEFINE_CLEANUP(struct entry *, entry_freep, entry_free)
#define _cleanup_entry_ _cleanup_(entry_freep)

static struct entry *entry_new(const struct remote_settings *settings)
{
    struct entry *entry = NEW(struct entry);

    copy_settings(entry, settings);
    return entry;
}

static struct entry *insert(struct remotes *remotes, struct entry *entry, const char *target)
{
    entry->target = xstrdup(target);
    entry->key = key_of(target);
    htable_insert(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_ADDED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote added", entry->target);
    return entry;
}

static void on_named_anew(void *userdata)
{
    struct remotes *remotes = userdata;

    if (!remotes->is_reporting) {
        remotes->is_named_anew = true;
    }
}

// 0, or negative errno with the reason in *ret_error.
static int open_remote(struct remotes *remotes, struct entry *entry, const char *target,
                       char **ret_error)
{
    *ret_error = confinement_check_remote(target);
    return *ret_error ? -EACCES
                      : remote_new(remotes->net, target, &entry->settings.options, &entry->settings,
                                   &entry->remote, ret_error);
}

static bool may_wait(const struct remotes *remotes, int error)
{
    return remotes->expects_tls && error == -ENOPROTOOPT;
}

// An entry for a target that has none. NULL with the reason if it cannot be had.
static struct entry *open_entry(struct remotes *remotes, const char *target,
                                const struct remote_settings *settings, char **ret_error)
{
    _cleanup_entry_ struct entry *entry = entry_new(settings);
    int r;

    if (db_column_is(target)) {
        entry->column = db_column_new(target, remotes->databases, db_remotes_refusal, on_named_anew,
                                      remotes, ret_error);
        if (!entry->column) {
            return NULL;
        }
        remotes->is_named_anew = true;
        return insert(remotes, TAKE_PTR(entry), target);
    }
    r = open_remote(remotes, entry, target, &entry->error);
    if (r < 0 && !may_wait(remotes, r)) {
        *ret_error = TAKE_PTR(entry->error);
        return NULL;
    }
    if (r < 0) {
        log_info("%s; it is tried again when there are", entry->error);
    }
    return insert(remotes, TAKE_PTR(entry), target);
}

static bool options_equal(const struct remote_options *a, const struct remote_options *b)
{
    return a->probe_interval_ms == b->probe_interval_ms && a->max_backoff_ms == b->max_backoff_ms &&
           a->dscp == b->dscp && a->no_retry == b->no_retry;
}

// Makes an entry follow changed settings.
static void change_entry(struct entry *entry, const struct remote_settings *settings)
{
    bool changes_rights = entry->settings.read_only != settings->read_only ||
                          strcmp(role_of(&entry->settings), role_of(settings));
    bool changes_options = !options_equal(&entry->settings.options, &settings->options);

    if (!changes_rights && !changes_options) {
        return;
    }
    copy_settings(entry, settings);
    if (!entry->remote) {
        return;
    }
    remote_set_options(entry->remote, &entry->settings.options);
    if (changes_rights) {
        log_info("%s: its connections end, for its clients have other rights from now on",
                 entry->target);
        remote_reconnect(entry->remote, "its remote has other rights now");
    }
}

static int compare_targets(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->target, (*(struct entry *const *)b)->target);
}

static void remove_entry(struct remotes *remotes, struct entry *entry)
{
    htable_remove(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_REMOVED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote removed", entry->target);
    remotes->is_named_anew |= entry->column != NULL;
    entry_free(entry);
}

static bool is_unwanted(const struct entry *entry)
{
    return !entry->origins;
}

static bool is_listed(const struct entry *entry)
{
    return entry->origins & ~(unsigned)BY_DATABASE;
}

static bool is_column(const struct entry *entry)
{
    return entry->column;
}

static bool may_succeed_later(const struct entry *entry)
{
    return entry->error && remote_target_is_valid(entry->target);
}

// Those entries, in order of their targets. Caller frees the array.
static struct entry **collect(const struct remotes *remotes,
                              bool (*belongs)(const struct entry *entry), size_t *ret_n)
{
    struct entry **entries = NEW_ARRAY(struct entry *, remotes->entries.n + 1);
    struct entry *entry;
    size_t n = 0;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        if (belongs(entry)) {
            entries[n++] = entry;
        }
    }
    qsort(entries, n, sizeof(*entries), compare_targets);
    *ret_n = n;
    return entries;
}

static void remove_unwanted(struct remotes *remotes)
{
    size_t n;
    _cleanup_free_ struct entry **entries = collect(remotes, is_unwanted, &n);

    for (size_t i = 0; i < n; i++) {
        remove_entry(remotes, entries[i]);
    }
}

static void withdraw(struct remotes *remotes, unsigned origins)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        entry->origins &= ~origins;
    }
}

void remotes_free(struct remotes *remotes)
{
    if (remotes) {
        withdraw(remotes, ~0u);
        remove_unwanted(remotes);
        htable_done(&remotes->entries);
        free(remotes);
    }
}

// A passed socket with the address of the target, which is one of TLS where the socket is not said
// to be. NULL: there is none.
static struct entry *find_passed(const struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *plain = NULL;
    struct entry *entry;

    if (strncmp(target, "pssl:", 5)) {
        return NULL;
    }
    plain = xasprintf("ptcp:%s", target + 5);
    entry = find(remotes, plain);
    return entry && entry->origins & BY_SERVICE_MANAGER ? entry : NULL;
}

// It becomes the one of TLS that it is meant to be.
static char *use_tls(struct remotes *remotes, struct entry *entry)
{
    char *error = NULL;

    if (remote_use_tls(entry->remote, &error) < 0) {
        return error;
    }
    htable_remove(&remotes->entries, key_hash(entry->key), entry);
    free(entry->target);
    free(entry->key);
    insert(remotes, entry, remote_target(entry->remote));
    return NULL;
}

// Makes sure of a remote that `origin` wants. `changes`: with these settings even if somebody else
// wants it too.
static char *ensure(struct remotes *remotes, const struct remote_config *config, bool changes,
                    enum origin origin)
{
    struct entry *entry = find(remotes, config->target);
    char *error = NULL;

    if (entry && entry->error && !is_listed(entry)) {
        remove_entry(remotes, entry); // to find out whether, and why, it still cannot be had
        remotes->is_named_anew = true;
        entry = NULL;
    }
    if (!entry && (entry = find_passed(remotes, config->target))) {
        error = use_tls(remotes, entry);
        if (error) {
            return error;
        }
    }
    if (!entry) {
        entry = open_entry(remotes, config->target, &config->settings, &error);
    } else if (changes || !is_listed(entry)) {
        change_entry(entry, &config->settings);
    }
    if (entry) {
        entry->origins |= origin;
    }
    return error;
}

char *remotes_configure(struct remotes *remotes, const struct remote_config *configs, size_t n)
{
    char *first_error = NULL;

    withdraw(remotes, BY_CONFIGURATION);
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *error = ensure(remotes, &configs[i], true, BY_CONFIGURATION);

        if (!first_error) {
            first_error = TAKE_PTR(error);
        }
    }
    remove_unwanted(remotes);
    return first_error;
}

char *remotes_add(struct remotes *remotes, const char *target,
                  const struct remote_settings *settings)
{
    const struct remote_config config = {target, *settings};

    return ensure(remotes, &config, false, BY_COMMAND);
}

char *remotes_add_fd(struct remotes *remotes, int fd, bool is_tls)
{
    _cleanup_entry_ struct entry *entry = entry_new(&REMOTE_SETTINGS_DEFAULT);
    char *error = NULL;

    if (remote_new_from_fd(remotes->net, fd, &entry->settings.options, &entry->settings,
                           &entry->remote, &error) < 0) {
        close(fd);
        return error;
    }
    if (is_tls && remote_use_tls(entry->remote, &error) < 0) {
        return error;
    }
    entry->origins = BY_SERVICE_MANAGER;
    insert(remotes, TAKE_PTR(entry), remote_target(entry->remote));
    return NULL;
}

bool remotes_remove(struct remotes *remotes, const char *target)
{
    struct entry *entry = find(remotes, target);

    if (!entry || !is_listed(entry)) {
        return false;
    }
    entry->origins &= BY_DATABASE;
    if (is_unwanted(entry)) {
        remove_entry(remotes, entry);
    } else {
        remotes->is_named_anew = true; // the database's settings count now
    }
    return true;
}

struct remote *remotes_find(const struct remotes *remotes, const char *target)
{
    const struct entry *entry = find(remotes, target);

    return entry ? entry->remote : NULL;
}

size_t remotes_count(const struct remotes *remotes)
{
    return remotes->entries.n;
}

void remotes_list(const struct remotes *remotes, struct buf *text)
{
    size_t n;
    _cleanup_free_ struct entry **entries = collect(remotes, is_listed, &n);

    for (size_t i = 0; i < n; i++) {
        buf_printf(text, "%s\n", entries[i]->target);
    }
}

// What a database names

// Where a remote is named, for the log. Caller frees.
static char *place_of(const struct db_column *column, const struct named_remote *named)
{
    char uuid[UUID_TEXT_SIZE];

    return named->row ? xasprintf("%s, row %s", column->spec, uuid_text(named->row->uuid, uuid))
                      : xstrdup(column->spec);
}

static void tell_failure(const struct entry *entry, const char *place)
{
    log_event(LOG_LEVEL_WARN, MSG_REMOTE_FAILED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: %s", place, entry->error);
}

static void want(struct remotes *remotes, const struct db_column *column,
                 const struct named_remote *named)
{
    struct entry *entry = find(remotes, named->target);

    if (db_column_is(named->target)) {
        return; // nothing leads on
    }
    if (!entry) {
        entry = insert(remotes, entry_new(&named->settings), named->target);
        if (open_remote(remotes, entry, entry->target, &entry->error) < 0) {
            _cleanup_free_ char *place = place_of(column, named);

            tell_failure(entry, place);
        }
    } else if (is_unwanted(entry)) {
        change_entry(entry, &named->settings);
    }
    entry->origins |= BY_DATABASE;
}

static void read_names(struct remotes *remotes)
{
    size_t n_columns;
    _cleanup_free_ struct entry **columns = collect(remotes, is_column, &n_columns);

    remotes->is_named_anew = false;
    withdraw(remotes, BY_DATABASE);
    for (size_t i = 0; i < n_columns; i++) {
        size_t n;
        _cleanup_free_ struct named_remote *named = db_remotes_read(columns[i]->column, &n);

        for (size_t j = 0; j < n; j++) {
            want(remotes, columns[i]->column, &named[j]);
        }
    }
    remove_unwanted(remotes);
}

static void retry(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct entry **entries = collect(remotes, may_succeed_later, &n);

    remotes->retry_at = n ? now + RETRY_INTERVAL : USEC_INFINITY;
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *former = TAKE_PTR(entries[i]->error);

        if (open_remote(remotes, entries[i], entries[i]->target, &entries[i]->error) < 0 &&
            strcmp(former, entries[i]->error)) {
            tell_failure(entries[i], "tried again");
        }
    }
}

void remotes_expect_tls(struct remotes *remotes, bool expects)
{
    remotes->expects_tls = expects;
}

void remotes_retry(struct remotes *remotes)
{
    remotes->retry_at = 0;
}

// How they do

// Adds to *txn, made when it is needed.
static void report_one(struct remotes *remotes, struct db *db, const struct named_remote *named,
                       usec_t now, struct txn **txn)
{
    const struct entry *entry = find(remotes, named->target);
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

static bool commit(struct txn *txn, const struct db_column *column)
{
    static struct log_limit limit = LOG_LIMIT_INIT(2, 1);
    struct changeset *changes = NULL;
    uint64_t ticket;
    _cleanup_error_ struct ovsdb_error *error = txn_commit(txn, false, &changes, &ticket);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_limited(&limit, LOG_LEVEL_WARN, "%s: cannot write how the remotes do: %s", column->spec,
                    text);
    }
    txn_free(txn);
    return changes;
}

// True if something was written.
static bool report_column(struct remotes *remotes, const struct db_column *column, usec_t now)
{
    size_t n;
    _cleanup_free_ struct named_remote *named = db_remotes_read(column, &n);
    struct txn *txn = NULL;

    for (size_t i = 0; i < n && named[i].row; i++) {
        report_one(remotes, column->db, &named[i], now, &txn);
    }
    return txn && commit(txn, column);
}

static bool report(struct remotes *remotes, usec_t now)
{
    size_t n;
    _cleanup_free_ struct entry **columns = collect(remotes, is_column, &n);
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
    struct seen seen = {.n_changes = net_n_changes(remotes->net)};
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
        remotes->retry_at = MIN(remotes->retry_at, now + RETRY_INTERVAL);
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
