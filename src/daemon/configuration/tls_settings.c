// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/tls_settings.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/databases/db_column.h"
#include "daemon/databases/row_settings.h"
#include "net/tls/tls_config.h"
#include "service/confine.h"

#include <unistd.h>

#define RETRY_INTERVAL USEC_PER_SEC

LOG_MODULE(tls);

struct tls_settings {
    struct net *net;
    struct databases *databases;
    struct tls_options options; // followed options have no value here
    struct db_column
        *columns[TLS_N_TEXTS]; // of followed options, as in tls_options_texts(); or NULL
    bool is_changed;           // a column may have another value
    usec_t retry_at;           // time of the next attempt; USEC_INFINITY: none
    char *error;               // of the last attempt, or NULL
};

struct tls_settings *tls_settings_new(struct net *net, struct databases *databases)
{
    struct tls_settings *settings = NEW(struct tls_settings);

    settings->net = net;
    settings->databases = databases;
    settings->retry_at = USEC_INFINITY;
    return settings;
}

static void free_columns(struct db_column *columns[TLS_N_TEXTS])
{
    for (size_t i = 0; i < TLS_N_TEXTS; i++) {
        db_column_free(columns[i]);
    }
}

void tls_settings_free(struct tls_settings *settings)
{
    if (settings) {
        free_columns(settings->columns);
        tls_options_done(&settings->options);
        free(settings->error);
        free(settings);
    }
}

static char *refuse_other_types(const struct column *column)
{
    return column->type.key.type == ATOM_STRING && !type_is_map(&column->type)
               ? NULL
               : xasprintf("column \"%s\" does not hold strings", column->name);
}

static void on_changed(void *userdata)
{
    struct tls_settings *settings = userdata;

    settings->is_changed = true;
}

struct found {
    const char *text;
    const struct row *row;
};

static void find_first(void *userdata, const struct row *row, union atom value)
{
    struct found *found = userdata;

    if (!found->text && value.string->size) {
        *found = (struct found){value.string->data, row};
    }
}

// Reads the value of the option at `text` from its column.
static void read_column(const struct db_column *column, struct tls_options *options, char **text)
{
    struct found found = {0};

    db_column_each(column, find_first, &found);
    free(*text);
    *text = found.text ? xstrdup(found.text) : NULL;
    if (text == &options->ca_cert && found.row && row_is_true(found.row, "bootstrap_ca_cert")) {
        options->bootstrap_ca_cert = true;
    }
}

// Checks a file that a database names: its users must not make the server read other files than
// self-confinement allows.
static char *check_file(const char *file, bool is_made)
{
    if (file[0] != '/') {
        return xasprintf("%s: the name of a file must begin with a slash", file);
    }
    return confine_check(is_made ? CONFINE_ALL : CONFINE_READ, file);
}

// Copies the options and reads the followed ones from the databases. NULL, or what is wrong.
static char *resolve_columns(const struct tls_settings *settings, struct tls_options *ret)
{
    const char *files[TLS_MAX_FILES];
    char **texts[TLS_N_TEXTS];
    char *error = NULL;

    *ret = tls_options_copy(&settings->options);
    tls_options_texts(ret, texts);
    for (size_t i = 0; i < TLS_N_TEXTS; i++) {
        if (settings->columns[i]) {
            read_column(settings->columns[i], ret, texts[i]);
        }
    }
    tls_options_files(ret, files);
    if (settings->columns[0] && ret->private_key && !files[0]) {
        // A token's URL can name a module to load, which users of a database must not choose.
        return xstrdup("a database cannot name a key in a token");
    }
    for (size_t i = 0; i < TLS_MAX_FILES && !error; i++) {
        if (settings->columns[i] && files[i]) {
            error = check_file(files[i], texts[i] == &ret->ca_cert && ret->bootstrap_ca_cert &&
                                             access(files[i], F_OK));
        }
    }
    return error;
}

static bool has_columns(struct db_column *const columns[TLS_N_TEXTS])
{
    for (size_t i = 0; i < TLS_N_TEXTS; i++) {
        if (columns[i]) {
            return true;
        }
    }
    return false;
}

static void log_failure(const struct tls_settings *settings)
{
    if (has_columns(settings->columns)) {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "cannot use the TLS options of a database: %s; keeping the former ones",
                  settings->error);
    } else {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "%s; TLS is not available until this is corrected", settings->error);
    }
}

// Gives the options and the values of the columns to the net. False: they cannot be used; the reason
// is logged if it is a new one.
static bool load_options(struct tls_settings *settings, usec_t now)
{
    _cleanup_free_ char *former = TAKE_PTR(settings->error);
    struct tls_options options;

    settings->error = resolve_columns(settings, &options);
    if (!settings->error) {
        net_set_tls(settings->net, &options, &settings->error);
    }
    tls_options_done(&options);
    settings->is_changed = false;
    settings->retry_at = settings->error ? now + RETRY_INTERVAL : USEC_INFINITY;
    if (settings->error && (!former || strcmp(former, settings->error))) {
        log_failure(settings);
    }
    return !settings->error;
}

// Opens the columns that options name, and removes these options. NULL, or what is wrong.
static char *open_columns(struct tls_settings *settings, struct tls_options *options,
                          struct db_column *columns[TLS_N_TEXTS])
{
    char **texts[TLS_N_TEXTS];
    char *error = NULL;

    tls_options_texts(options, texts);
    for (size_t i = 0; i < TLS_N_TEXTS && !error; i++) {
        if (*texts[i] && db_column_is(*texts[i])) {
            columns[i] = db_column_new(*texts[i], settings->databases, refuse_other_types,
                                       on_changed, settings, &error);
            free(TAKE_PTR(*texts[i]));
        }
    }
    return error;
}

// Checks the options that are not followed. If none is followed, the net gets them. With `may_wait`
// only checks that do not depend on files are made. NULL, or what is wrong.
static char *check_or_set(struct tls_settings *settings, const struct tls_options *options,
                          bool follows, bool may_wait)
{
    struct tls_config *trial;
    char *error = NULL;

    if (may_wait) {
        tls_config_check(options, &error);
        return error;
    }
    if (!follows) {
        net_set_tls(settings->net, options, &error);
        return error;
    }
    trial = tls_config_new();
    tls_config_set(trial, options, &error);
    tls_config_unref(trial);
    return error;
}

char *tls_settings_set(struct tls_settings *settings, const struct tls_options *options,
                       bool may_wait)
{
    struct db_column *columns[TLS_N_TEXTS] = {NULL};
    struct tls_options fixed = tls_options_copy(options);
    char *error = open_columns(settings, &fixed, columns);
    bool follows = has_columns(columns);

    if (!error) {
        error = check_or_set(settings, &fixed, follows, may_wait);
    }
    if (error) {
        free_columns(columns);
        tls_options_done(&fixed);
        return error;
    }
    free_columns(settings->columns);
    memcpy(settings->columns, columns, sizeof(columns));
    tls_options_done(&settings->options);
    settings->options = fixed;
    if (follows || may_wait) {
        load_options(settings, clock_monotonic());
    } else {
        free(TAKE_PTR(settings->error));
        settings->retry_at = USEC_INFINITY;
    }
    return NULL;
}

bool tls_settings_may_change(const struct tls_settings *settings)
{
    return has_columns(settings->columns) || settings->error;
}

const char *tls_settings_error(const struct tls_settings *settings)
{
    return settings->error;
}

bool tls_settings_run(struct tls_settings *settings, usec_t now)
{
    return (settings->is_changed || now >= settings->retry_at) && load_options(settings, now);
}

usec_t tls_settings_deadline(const struct tls_settings *settings)
{
    return settings->retry_at;
}
