// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/settings.h"

#include "basic/log.h"
#include "basic/str.h"
#include "daemon/configuration/replication_options.h"
#include "daemon/configuration/tls_settings.h"
#include "daemon/handover/run_time.h"
#include "daemon/replication/sync.h"
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

// If the configuration file sets the role, commands must not change it.
static void set_role_owner(const struct parts *parts, const struct server_options *options)
{
    sync_set_owner(parts->sync,
                   configuration_sets_roles(&options->config) ? options->config_file : NULL);
}

static struct failure *add_database(const struct parts *parts, const struct server_options *options,
                                    const struct config_database *database)
{
    bool recover = database->recover_damaged == CHOICE_UNSET
                       ? options->recover_damaged
                       : database->recover_damaged == CHOICE_YES;

    return failure_from_text(
        FAILURE_SYSTEM, databases_add(parts->databases, database->file, database->schema, recover));
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
            failure = add_database(parts, options, database);
        }
    }
    return failure;
}

static struct failure *set_excluded(const struct parts *parts, const struct server_options *options)
{
    _cleanup_buf_ struct buf list = {0};

    replication_options_put_excluded(parts->databases, options, &list);
    return failure_from_text(FAILURE_INVALID, sync_set_exclude(parts->sync, buf_cstr(&list)));
}

static bool excludes_other_tables(const struct parts *parts, const struct server_options *old,
                                  const struct server_options *new)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};

    replication_options_put_excluded(parts->databases, old, &before);
    replication_options_put_excluded(parts->databases, new, &after);
    return strcmp(buf_cstr(&before), buf_cstr(&after)) != 0;
}

static struct failure *set_source(const struct parts *parts, const char *source)
{
    return failure_from_text(FAILURE_INVALID, sync_set_source(parts->sync, source));
}

static struct failure *connect_source(const struct parts *parts)
{
    return failure_from_text(FAILURE_SYSTEM, sync_connect(parts->sync));
}

struct failure *settings_start_sync(const struct parts *parts, const struct server_options *options)
{
    const struct remote_options source_options = replication_options_of_source(options);
    const char *source = replication_options_source(options);
    struct failure *failure = set_excluded(parts, options);

    set_role_owner(parts, options);
    sync_set_options(parts->sync, &source_options);
    if (!failure && source) {
        failure = set_source(parts, source);
    }
    if (!failure && replication_options_is_backup(options)) {
        failure = connect_source(parts);
    }
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

static struct failure *change_databases(const struct parts *parts, const struct server_options *old,
                                        const struct server_options *new)
{
    struct failure *first = NULL;

    for (size_t i = 0; i < old->config.n_databases; i++) {
        const struct config_database *database = &old->config.databases[i];
        const char *name = databases_name_of(parts->databases, database->file);

        if (database->is_of_file && name && !has_database(&new->config, database->file)) {
            _cleanup_free_ char *copy = xstrdup(name);

            databases_remove(parts->databases, copy);
        }
    }
    for (size_t i = 0; i < new->config.n_databases; i++) {
        const struct config_database *database = &new->config.databases[i];

        if (database->is_of_file && !databases_name_of(parts->databases, database->file)) {
            failure_keep_first(&first, add_database(parts, new, database));
        }
    }
    return first;
}

// Applies only what differs between the two files: commands may have changed the role meanwhile.
static struct failure *change_sync(const struct parts *parts, const struct server_options *old,
                                   const struct server_options *new)
{
    const struct remote_options before = replication_options_of_source(old),
                                after = replication_options_of_source(new);
    const char *source = replication_options_source(new);
    struct failure *failure =
        excludes_other_tables(parts, old, new) ? set_excluded(parts, new) : NULL;

    if (!remote_options_equal(&before, &after)) {
        sync_set_options(parts->sync, &after);
    }
    if (!failure && source && !str_equals(replication_options_source(old), source)) {
        failure = set_source(parts, source);
    }
    if (!failure && replication_options_is_backup(new) && !replication_options_is_backup(old)) {
        failure = connect_source(parts);
    } else if (replication_options_is_backup(old) && !replication_options_is_backup(new)) {
        sync_disconnect(parts->sync);
    }
    return failure;
}

// Applies the differences. All values have been checked: only files, sockets and connections can
// still fail. Returns the first failure.
static struct failure *apply_changes(const struct parts *parts, const struct server_options *old,
                                     const struct server_options *new)
{
    struct failure *first;

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
    set_role_owner(parts, new);
    first = change_databases(parts, old, new);
    failure_keep_first(&first, change_sync(parts, old, new));
    failure_keep_first(&first, configure_remotes(parts, new));
    return first;
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

struct failure *settings_reload(const struct parts *parts)
{
    struct server_options *options = parts->options;
    struct server_options new = {0};
    struct failure *failure;

    if (!options->config_file) {
        return NULL;
    }
    failure = parse_again(options, &new);
    if (failure) {
        server_options_done(&new);
        return failure;
    }
    // If TLS files could not be loaded so far, loading them is retried further.
    failure = settings_set_tls(parts, &new, tls_settings_failure(parts->tls));
    if (failure) {
        // Nothing was applied: the next reload compares with the old options.
        server_options_done(&new);
        return failure;
    }
    settings_log_warnings(&new);
    warn_of_needed_restart(options, &new);
    failure = apply_changes(parts, options, &new);
    server_options_done(options);
    *options = new;
    return failure;
}
