// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/settings.h"

#include "basic/log.h"
#include "basic/str.h"
#include "daemon/handover/run_time.h"
#include "session/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

LOG_MODULE(ovsdb_server);

static void set_limits(struct daemon *daemon, const struct server_options *options)
{
    server_set_limits(daemon->server, &options->limits.server);
    server_set_slow_log(daemon->server, &options->slow_log);
    net_set_limits(daemon->net, &options->limits.net);
}

static void set_audit(struct daemon *daemon, const struct server_options *options)
{
    audit_configure(daemon->server, options->audit ? options->audit : "");
}

static void set_column_diff(struct daemon *daemon, const struct server_options *options)
{
    databases_set_column_diff(daemon->databases, !options->no_column_diff);
}

void settings_log_warnings(const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_warnings; i++) {
        log_warn("%s", options->config.warnings[i]);
    }
}

// Where the file says what the role is, commands do not change it.
static void set_role_owner(struct daemon *daemon, const struct server_options *options)
{
    sync_set_owner(daemon->sync,
                   configuration_sets_roles(&options->config) ? options->config_file : NULL);
}

static char *add_database(struct daemon *daemon, const struct server_options *options,
                          const struct config_database *database)
{
    bool recover = database->recover_damaged == CHOICE_UNSET
                       ? options->recover_damaged
                       : database->recover_damaged == CHOICE_YES;

    return databases_add(daemon->databases, database->file, database->schema, recover);
}

char *settings_open_databases(struct daemon *daemon, const struct server_options *options)
{
    char *error = NULL;

    set_column_diff(daemon, options);
    set_audit(daemon, options);
    for (size_t i = 0; i < options->config.n_databases && !error; i++) {
        const struct config_database *database = &options->config.databases[i];

        if (database->is_of_file ||
            !run_time_has_removed_database(daemon->run_time, database->file)) {
            error = add_database(daemon, options, database);
        }
    }
    return error;
}

// The first database of the file that is a copy, or NULL.
static const struct config_database *first_copy(const struct server_options *options)
{
    const struct configuration *config = &options->config;

    for (size_t i = 0; i < config->n_databases; i++) {
        if (config->databases[i].source) {
            return &config->databases[i];
        }
    }
    return NULL;
}

// The server that all databases of the file are copies of, or else that of --sync-from.
const char *settings_source(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->source : options->sync_from;
}

struct remote_options settings_source_options(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->source_options : REMOTE_OPTIONS_DEFAULT;
}

bool settings_is_backup(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->backup : options->sync_from && !options->active;
}

// "DB:TABLE,..." of the option and of the databases of the file, which must be open.
void settings_put_excluded(const struct daemon *daemon, const struct server_options *options,
                           struct buf *list)
{
    if (options->sync_exclude_tables) {
        buf_puts(list, options->sync_exclude_tables);
    }
    for (size_t i = 0; i < options->config.n_databases; i++) {
        const struct config_database *database = &options->config.databases[i];
        const char *name = databases_name_of(daemon->databases, database->file);
        const char *tables = name ? database->exclude_tables : NULL;

        while (tables && *tables) {
            size_t size = strcspn(tables, ",");

            if (size) {
                buf_printf(list, "%s%s:%.*s", list->size ? "," : "", name, (int)size, tables);
            }
            tables += size + (tables[size] ? 1 : 0);
        }
    }
}

static char *set_excluded(struct daemon *daemon, const struct server_options *options)
{
    _cleanup_buf_ struct buf list = {0};

    settings_put_excluded(daemon, options, &list);
    return sync_set_exclude(daemon->sync, buf_cstr(&list));
}

static bool excludes_other_tables(const struct daemon *daemon, const struct server_options *old,
                                  const struct server_options *new)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};

    settings_put_excluded(daemon, old, &before);
    settings_put_excluded(daemon, new, &after);
    return strcmp(buf_cstr(&before), buf_cstr(&after)) != 0;
}

char *settings_start_sync(struct daemon *daemon, const struct server_options *options)
{
    const struct remote_options source_options = settings_source_options(options);
    const char *source = settings_source(options);
    char *error = set_excluded(daemon, options);

    set_role_owner(daemon, options);
    sync_set_options(daemon->sync, &source_options);
    if (!error && source) {
        error = sync_set_source(daemon->sync, source);
    }
    if (!error && settings_is_backup(options)) {
        error = sync_connect(daemon->sync);
    }
    return error;
}

char *settings_set_tls(struct daemon *daemon, const struct server_options *options, bool may_wait)
{
    char *error = tls_settings_set(daemon->tls, &options->tls, may_wait);

    remotes_expect_tls(daemon->remotes, tls_settings_may_change(daemon->tls));
    return error;
}

static char *configure_remotes(struct daemon *daemon, const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_remotes_of_file; i++) {
        remotes_stop_withholding(daemon->remotes, options->config.remotes[i].target);
    }
    return remotes_configure(daemon->remotes, options->config.remotes, options->config.n_remotes);
}

char *settings_open_remotes(struct daemon *daemon, const struct server_options *options)
{
    set_limits(daemon, options);
    return configure_remotes(daemon, options);
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

// Of several errors the first is told.
static void keep_first(char **first, char *error)
{
    if (*first) {
        free(error);
    } else {
        *first = error;
    }
}

static char *change_databases(struct daemon *daemon, const struct server_options *old,
                              const struct server_options *new)
{
    char *first_error = NULL;

    for (size_t i = 0; i < old->config.n_databases; i++) {
        const struct config_database *database = &old->config.databases[i];
        const char *name = databases_name_of(daemon->databases, database->file);

        if (database->is_of_file && name && !has_database(&new->config, database->file)) {
            _cleanup_free_ char *copy = xstrdup(name);

            databases_remove(daemon->databases, copy);
        }
    }
    for (size_t i = 0; i < new->config.n_databases; i++) {
        const struct config_database *database = &new->config.databases[i];

        if (database->is_of_file && !databases_name_of(daemon->databases, database->file)) {
            keep_first(&first_error, add_database(daemon, new, database));
        }
    }
    return first_error;
}

// Only a difference in the file: commands may have changed the role since.
static char *change_sync(struct daemon *daemon, const struct server_options *old,
                         const struct server_options *new)
{
    const struct remote_options before = settings_source_options(old),
                                after = settings_source_options(new);
    const char *source = settings_source(new);
    char *error = excludes_other_tables(daemon, old, new) ? set_excluded(daemon, new) : NULL;

    if (!remote_options_equal(&before, &after)) {
        sync_set_options(daemon->sync, &after);
    }
    if (!error && source && !str_equals(settings_source(old), source)) {
        error = sync_set_source(daemon->sync, source);
    }
    if (!error && settings_is_backup(new) && !settings_is_backup(old)) {
        error = sync_connect(daemon->sync);
    } else if (settings_is_backup(old) && !settings_is_backup(new)) {
        sync_disconnect(daemon->sync);
    }
    return error;
}

// A source has been checked, as have all words: what can fail now is outside.
static char *change(struct daemon *daemon, const struct server_options *old,
                    const struct server_options *new)
{
    char *error;

    set_limits(daemon, new);
    if (!str_equals(old->audit, new->audit)) {
        set_audit(daemon, new); // else what commands have said since goes on
    }
    if (old->no_column_diff != new->no_column_diff) {
        set_column_diff(daemon, new);
    }
    if (!identities_equal(&old->identities, &new->identities)) {
        log_info("all connections end, as the rules about who clients are have changed");
        net_reconnect(daemon->net);
    }
    set_role_owner(daemon, new);
    error = change_databases(daemon, old, new);
    keep_first(&error, change_sync(daemon, old, new));
    keep_first(&error, configure_remotes(daemon, new));
    return error;
}

// Values of an option in the file, one after another.
static void put_values(const struct configuration *config, const char *name, struct buf *values)
{
    for (size_t i = 0; i < config->n_options; i++) {
        if (!strcmp(config->options[i].name, name)) {
            buf_printf(values, "%s\n", config->options[i].value);
        }
    }
}

static void tell_what_needs_a_restart(const struct server_options *old,
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
            log_warn("%s: %s was changed: that takes a restart", new->config_file, names[i]);
        }
    }
}

// Names of files on the command line are relative to where the server was started.
static int parse_again(const struct server_options *options, struct server_options *new,
                       char **ret_error)
{
    _cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool is_moved = here >= 0 && options->folder && !chdir(options->folder);
    int r = server_options_parse(new, options->argc, options->argv, ret_error);

    if (is_moved && fchdir(here) < 0) {
        log_warn("cannot go back to the working folder: %s", strerror(errno));
    }
    return r;
}

char *settings_reload(struct daemon *daemon)
{
    struct server_options *options = daemon->options;
    struct server_options new = {0};
    char *error = NULL;

    if (!options->config_file) {
        return NULL;
    }
    if (parse_again(options, &new, &error) < 0) {
        server_options_done(&new);
        return error;
    }
    // What is waited for already may be waited for longer.
    error = settings_set_tls(daemon, &new, tls_settings_error(daemon->tls));
    if (error) {
        server_options_done(&new); // nothing is as it says: the next reload starts from what was
        return error;
    }
    settings_log_warnings(&new);
    tell_what_needs_a_restart(options, &new);
    error = change(daemon, options, &new);
    server_options_done(options);
    *options = new;
    return error;
}
