// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/settings.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "daemon/cluster/clusters.h"
#include "daemon/configuration/replication_options.h"
#include "daemon/configuration/tls_settings.h"
#include "daemon/handover/run_time.h"
#include "daemon/replication/relay.h"
#include "daemon/replication/sync.h"
#include "daemon/replication/upstream.h"
#include "session/audit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

LOG_MODULE(ovsdb_server);

static void set_limits(const struct parts *parts, const struct server_options *options)
{
    server_set_limits(parts->server, &options->limits.server);
    server_set_slow_log(parts->server, &options->slow_log);
    net_set_limits(parts->net, &options->limits.net);
}

static void set_audit(const struct parts *parts, const struct server_options *options)
{
    audit_configure(parts->server, options->audit ? options->audit : "");
}

static void set_column_diff(const struct parts *parts, const struct server_options *options)
{
    databases_set_column_diff(parts->databases, !options->no_column_diff);
}

void settings_log_warnings(const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_warnings; i++) {
        log_warn("%s", options->config.warnings[i]);
    }
}

// If the configuration file sets a role, commands must not change it.
static void set_role_owners(const struct parts *parts, const struct server_options *options)
{
    const char *name = NULL;

    sync_set_owner(parts->sync, NULL, replication_options_owner(parts->databases, options, NULL));
    while ((name = sync_next(parts->sync, name))) {
        sync_set_owner(parts->sync, name,
                       replication_options_owner(parts->databases, options, name));
    }
}

// Sets what the file says of the connection of a relay to its source.
static void set_relay_options(const struct parts *parts, const struct config_database *database)
{
    if (database->is_of_file && databases_is_relay(database->file)) {
        relays_set_options(parts->relays, databases_name_of(parts->databases, database->file),
                           &database->source_options);
    }
}

static bool recovers_damaged(const struct server_options *options,
                             const struct config_database *database)
{
    return database->recover_damaged == CHOICE_UNSET ? options->recover_damaged
                                                     : database->recover_damaged == CHOICE_YES;
}

// Logs the event of a database that cannot be added because it is damaged. Returns `failure`.
static struct failure *log_damage(const char *file, struct failure *failure)
{
    if (failure && failure_kind(failure) == FAILURE_DAMAGED) {
        log_event(LOG_LEVEL_ERR, MSG_DATABASE_DAMAGED, LOG_FIELDS({"OVSDB_FILE", file}),
                  "%s: the file is damaged", file);
    }
    return failure;
}

struct failure *settings_open_databases(const struct parts *parts, const struct run_time *run_time,
                                        const struct server_options *options)
{
    struct failure *failure = NULL;

    set_column_diff(parts, options);
    set_audit(parts, options);
    for (size_t i = 0; i < options->config.n_databases && !failure; i++) {
        const struct config_database *database = &options->config.databases[i];

        if (database->is_of_file || !run_time_has_removed_database(run_time, database->file)) {
            failure = log_damage(database->file,
                                 databases_add(parts->databases, database->file, database->schema,
                                               recovers_damaged(options, database)));
            if (!failure) {
                set_relay_options(parts, database);
            }
        }
    }
    return failure;
}

static struct failure *set_excluded(const struct parts *parts, const struct server_options *options)
{
    _cleanup_buf_ struct buf list = {0};

    replication_options_put_excluded(parts->databases, options, &list);
    return sync_set_exclude(parts->sync, NULL, buf_cstr(&list));
}

static bool excludes_other_tables(const struct parts *parts, const struct server_options *old,
                                  const struct server_options *new)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};

    replication_options_put_excluded(parts->databases, old, &before);
    replication_options_put_excluded(parts->databases, new, &after);
    return strcmp(buf_cstr(&before), buf_cstr(&after)) != 0;
}

struct failure *settings_start_sync(const struct parts *parts, const struct server_options *options)
{
    const struct sync_settings common = replication_options_common(options);
    struct failure *failure = common.source ? upstream_check_source(common.source) : NULL;
    const char *name = NULL;

    if (!failure) {
        failure = set_excluded(parts, options);
    }
    set_role_owners(parts, options);
    sync_set_common(parts->sync, &common);
    while (!failure && (name = sync_next(parts->sync, name))) {
        const struct sync_settings settings =
            replication_options_of(parts->databases, options, name);

        failure = sync_apply(parts->sync, name, &settings);
    }
    relays_start(parts->relays);
    clusters_start(parts->clusters);
    return failure;
}

struct failure *settings_set_tls(const struct parts *parts, const struct server_options *options,
                                 bool may_wait)
{
    struct failure *failure = tls_settings_set(parts->tls, &options->tls, may_wait);

    remotes_expect_tls(parts->remotes, tls_settings_may_change(parts->tls));
    return failure;
}

static struct failure *configure_remotes(const struct parts *parts,
                                         const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_remotes_of_file; i++) {
        remotes_stop_withholding(parts->remotes, options->config.remotes[i].target);
    }
    return remotes_configure(parts->remotes, options->config.remotes, options->config.n_remotes);
}

struct failure *settings_open_remotes(const struct parts *parts,
                                      const struct server_options *options)
{
    set_limits(parts, options);
    return configure_remotes(parts, options);
}

static bool has_database(const struct configuration *config, const char *file)
{
    for (size_t i = 0; i < config->n_databases; i++) {
        if (!strcmp(config->databases[i].file, file)) {
            return true;
        }
    }
    return false;
}

// A reload that was started. The options of the server stay the old ones until its databases are
// open, because the other settings may refer to these databases.
struct settings_change {
    const struct parts *parts;
    struct server_options new;
    size_t n_pending;        // databases that are being opened, and 1 while they are started
    struct failure *failure; // the first
    bool is_canceled;
    settings_reloaded_function *done;
    void *userdata;
};

static void remove_databases(struct settings_change *change)
{
    const struct parts *parts = change->parts;
    const struct configuration *old = &parts->options->config;

    for (size_t i = 0; i < old->n_databases; i++) {
        const struct config_database *database = &old->databases[i];
        const char *name = databases_name_of(parts->databases, database->file);

        if (database->is_of_file && name && !has_database(&change->new.config, database->file)) {
            _cleanup_free_ char *copy = xstrdup(name);

            databases_remove(parts->databases, copy, NULL, NULL);
        }
    }
}

static void change_one_done(struct settings_change *change);

// One database of a reload.
struct added_database {
    struct settings_change *change;
    const struct config_database *database; // in change->new
};

static void on_added(void *userdata, struct failure *failure)
{
    struct added_database *added = userdata;
    struct settings_change *change = added->change;

    if (failure && failure_errno(failure) == ECANCELED) {
        change->is_canceled = true;
    }
    if (!failure) {
        set_relay_options(change->parts, added->database);
    }
    failure_keep_first(&change->failure, log_damage(added->database->file, failure));
    free(added);
    change_one_done(change);
}

static void add_databases(struct settings_change *change)
{
    const struct parts *parts = change->parts;

    for (size_t i = 0; i < change->new.config.n_databases; i++) {
        const struct config_database *database = &change->new.config.databases[i];

        if (database->is_of_file && !databases_name_of(parts->databases, database->file)) {
            struct added_database *added = NEW(struct added_database);

            *added = (struct added_database){change, database};
            change->n_pending++;
            databases_start_add(parts->databases, database->file, database->schema,
                                recovers_damaged(&change->new, database), on_added, added);
        } else {
            set_relay_options(parts, database);
        }
    }
}

// Applies only what differs between the two files: commands may have changed the rest meanwhile.
static struct failure *change_sync_of(const struct parts *parts, const char *name,
                                      const struct sync_settings *old,
                                      const struct sync_settings *new)
{
    struct failure *failure = NULL;

    if (!remote_options_equal(&old->options, &new->options)) {
        sync_set_options(parts->sync, name, &new->options);
    }
    if (old->is_strict != new->is_strict) {
        sync_set_strict(parts->sync, name, new->is_strict);
    }
    if (new->source && !str_equals(old->source, new->source)) {
        failure = sync_set_source(parts->sync, name, new->source);
    }
    if (!failure && new->is_backup && !old->is_backup) {
        failure = sync_connect(parts->sync, name);
    } else if (old->is_backup && !new->is_backup) {
        sync_disconnect(parts->sync, name);
    }
    return failure;
}

static struct failure *change_sync(const struct parts *parts, const struct server_options *old,
                                   const struct server_options *new)
{
    const struct sync_settings before_common = replication_options_common(old),
                               common = replication_options_common(new);
    struct failure *first =
        excludes_other_tables(parts, old, new) ? set_excluded(parts, new) : NULL;
    const char *name = NULL;

    while ((name = sync_next(parts->sync, name))) {
        const struct sync_settings before = replication_options_of(parts->databases, old, name),
                                   after = replication_options_of(parts->databases, new, name);

        failure_keep_first(&first, change_sync_of(parts, name, &before, &after));
    }
    if (!str_equals(before_common.source, common.source) ||
        before_common.is_backup != common.is_backup ||
        before_common.is_strict != common.is_strict) {
        sync_set_common(parts->sync, &common);
    }
    return first;
}

// Applies what does not depend on the databases. All values have been checked: only files, sockets
// and connections can still fail.
static void change_limits(const struct parts *parts, const struct server_options *old,
                          const struct server_options *new)
{
    set_limits(parts, new);
    if (!str_equals(old->audit, new->audit)) {
        set_audit(parts, new); // otherwise changes by commands stay
    }
    if (old->no_column_diff != new->no_column_diff) {
        set_column_diff(parts, new);
    }
    if (!identities_equal(&old->identities, &new->identities)) {
        log_info("closing all connections: the rules of --identity changed");
        net_reconnect(parts->net);
    }
}

// Applies the rest when the last database is open, and ends the reload.
static void change_one_done(struct settings_change *change)
{
    const struct parts *parts = change->parts;

    assert(change->n_pending);
    if (--change->n_pending) {
        return;
    }
    if (change->is_canceled) {
        server_options_done(&change->new);
    } else {
        failure_keep_first(&change->failure, change_sync(parts, parts->options, &change->new));
        set_role_owners(parts, &change->new);
        failure_keep_first(&change->failure, configure_remotes(parts, &change->new));
        server_options_done(parts->options);
        *parts->options = change->new;
    }
    change->done(change->userdata, change->failure);
    free(change);
}

// Appends all values of an option in the file, one a line.
static void put_values(const struct configuration *config, const char *name, struct buf *values)
{
    for (size_t i = 0; i < config->n_options; i++) {
        if (!strcmp(config->options[i].name, name)) {
            buf_printf(values, "%s\n", config->options[i].value);
        }
    }
}

static void warn_of_needed_restart(const struct server_options *old,
                                   const struct server_options *new)
{
    static const char *const names[] = {
        "allow-path", "detach",  "log-file", "monitor",           "no-chdir",
        "no-dbs",     "pidfile", "unixctl",  "overwrite-pidfile", "no-self-confinement",
        "user",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_buf_ struct buf before = {0}, after = {0};

        put_values(&old->config, names[i], &before);
        put_values(&new->config, names[i], &after);
        if (strcmp(buf_cstr(&before), buf_cstr(&after))) {
            log_warn("%s: %s was changed: this takes effect at the next restart", new->config_file,
                     names[i]);
        }
    }
}

// Parses the command line and the file again. File names on the command line are relative to the
// folder in which the server was started.
static struct failure *parse_again(const struct server_options *options, struct server_options *new)
{
    _cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool is_moved = here >= 0 && options->folder && !chdir(options->folder);
    struct failure *failure = NULL;
    enum options_outcome outcome =
        server_options_parse(new, options->argc, options->argv, &failure);

    if (is_moved && fchdir(here) < 0) {
        log_warn("cannot return to the working directory: %s", strerror(errno));
    }
    assert(failure ? outcome == OPTIONS_INVALID : outcome == OPTIONS_RUN);
    return failure;
}

// Reads the configuration again. If that fails, nothing has been applied: the next reload compares
// with the old options.
static struct failure *read_again(const struct parts *parts, struct server_options *new)
{
    struct failure *failure = parse_again(parts->options, new);

    if (!failure) {
        // If TLS files could not be loaded so far, loading them is retried further.
        failure = settings_set_tls(parts, new, tls_settings_failure(parts->tls));
    }
    if (failure) {
        server_options_done(new);
    }
    return failure;
}

void settings_reload(const struct parts *parts, settings_reloaded_function *done, void *userdata)
{
    struct server_options new = {0};
    struct settings_change *change;
    struct failure *failure = parts->options->config_file ? read_again(parts, &new) : NULL;

    if (failure || !parts->options->config_file) {
        done(userdata, failure);
        return;
    }
    settings_log_warnings(&new);
    warn_of_needed_restart(parts->options, &new);
    change = NEW(struct settings_change);
    *change = (struct settings_change){
        .parts = parts, .new = new, .n_pending = 1, .done = done, .userdata = userdata};
    change_limits(parts, parts->options, &change->new);
    remove_databases(change);
    add_databases(change);
    change_one_done(change);
}
