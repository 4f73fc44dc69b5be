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
    struct tls_options options;             // without those that are followed
    struct db_column *columns[TLS_N_TEXTS]; // those, in the order of tls_options_texts()
    bool is_changed;                        // a database may say something else
    usec_t retry_at;                        // USEC_INFINITY: not
    char *error;                            // of the last time, or NULL
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

static char *refuse_others(const struct column *column)
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

// What a column says now, of the option at `text`.
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

// A file that users of a database name: the server reads no other on their behalf than it may.
static char *check_file(const char *file, bool is_made)
{
    if (file[0] != '/') {
        return xasprintf("%s: the name of a file must begin with a slash", file);
    }
    return confine_check(is_made ? CONFINE_ALL : CONFINE_READ, file);
}

// The options with what the databases say. NULL, or what is wrong.
static char *resolve(const struct tls_settings *settings, struct tls_options *ret)
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
        // The URL may make us load a module from anywhere.
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

static bool any(struct db_column *const columns[TLS_N_TEXTS])
{
    for (size_t i = 0; i < TLS_N_TEXTS; i++) {
        if (columns[i]) {
            return true;
        }
    }
    return false;
}

static void tell_failure(const struct tls_settings *settings)
{
    if (any(settings->columns)) {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "what a database says of TLS cannot be used: %s; TLS goes on as before",
                  settings->error);
    } else {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "%s; there is no TLS until this is corrected", settings->error);
    }
}

// Takes over what the options and the databases say. False, told in the log: it cannot be used.
static bool follow(struct tls_settings *settings, usec_t now)
{
    _cleanup_free_ char *former = TAKE_PTR(settings->error);
    struct tls_options options;

    settings->error = resolve(settings, &options);
    if (!settings->error) {
        net_set_tls(settings->net, &options, &settings->error);
    }
    tls_options_done(&options);
    settings->is_changed = false;
    settings->retry_at = settings->error ? now + RETRY_INTERVAL : USEC_INFINITY;
    if (settings->error && (!former || strcmp(former, settings->error))) {
        tell_failure(settings);
    }
    return !settings->error;
}

// Makes the columns that options name. NULL, or what is wrong.
static char *open_columns(struct tls_settings *settings, struct tls_options *options,
                          struct db_column *columns[TLS_N_TEXTS])
{
    char **texts[TLS_N_TEXTS];
    char *error = NULL;

    tls_options_texts(options, texts);
    for (size_t i = 0; i < TLS_N_TEXTS && !error; i++) {
        if (*texts[i] && db_column_is(*texts[i])) {
            columns[i] = db_column_new(*texts[i], settings->databases, refuse_others, on_changed,
                                       settings, &error);
            free(TAKE_PTR(*texts[i]));
        }
    }
    return error;
}

// Whether the options are right, those that are followed left out; without those, the net gets
// them. With `may_wait` only what no file can change. NULL, or what is wrong.
static char *use(struct tls_settings *settings, const struct tls_options *options, bool follows,
                 bool may_wait)
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
    bool follows = any(columns);

    if (!error) {
        error = use(settings, &fixed, follows, may_wait);
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
        follow(settings, clock_monotonic());
    } else {
        free(TAKE_PTR(settings->error));
        settings->retry_at = USEC_INFINITY;
    }
    return NULL;
}

bool tls_settings_may_change(const struct tls_settings *settings)
{
    return any(settings->columns) || settings->error;
}

const char *tls_settings_error(const struct tls_settings *settings)
{
    return settings->error;
}

bool tls_settings_run(struct tls_settings *settings, usec_t now)
{
    return (settings->is_changed || now >= settings->retry_at) && follow(settings, now);
}

usec_t tls_settings_deadline(const struct tls_settings *settings)
{
    return settings->retry_at;
}
