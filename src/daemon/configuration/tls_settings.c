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
    struct failure *failure;   // of the last attempt, or NULL
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
        failure_free(settings->failure);
        free(settings);
    }
}

static struct failure *refuse_other_types(const struct column *column)
{
    return column->type.key.type == ATOM_STRING && !type_is_map(&column->type)
               ? NULL
               : failure_new(FAILURE_INVALID, "column \"%s\" does not hold strings", column->name);
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
static struct failure *check_file(const char *file, bool is_made)
{
    if (file[0] != '/') {
        return failure_new(FAILURE_INVALID, "%s: the name of a file must begin with a slash", file);
    }
    return confine_check(is_made ? CONFINE_ALL : CONFINE_READ, file);
}

// Copies the options and reads the followed ones from the databases. *ret is set in any case.
static struct failure *resolve_columns(const struct tls_settings *settings, struct tls_options *ret)
{
    const char *files[TLS_MAX_FILES];
    char **texts[TLS_N_TEXTS];
    struct failure *failure = NULL;

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
        return failure_new(FAILURE_INVALID, "a database cannot name a key in a token");
    }
    for (size_t i = 0; i < TLS_MAX_FILES && !failure; i++) {
        if (settings->columns[i] && files[i]) {
            failure = check_file(files[i], texts[i] == &ret->ca_cert && ret->bootstrap_ca_cert &&
                                               access(files[i], F_OK));
        }
    }
    return failure;
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
                  failure_text(settings->failure));
    } else {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "%s; TLS is not available until this is corrected",
                  failure_text(settings->failure));
    }
}

// Gives the options and the values of the columns to the net. False: they cannot be used; the
// reason is logged if it is a new one.
static bool load_options(struct tls_settings *settings, usec_t now)
{
    _cleanup_failure_ struct failure *former = TAKE_PTR(settings->failure);
    struct tls_options options;

    settings->failure = resolve_columns(settings, &options);
    if (!settings->failure) {
        settings->failure = net_set_tls(settings->net, &options);
    }
    tls_options_done(&options);
    settings->is_changed = false;
    settings->retry_at = settings->failure ? now + RETRY_INTERVAL : USEC_INFINITY;
    if (settings->failure &&
        (!former || strcmp(failure_text(former), failure_text(settings->failure)))) {
        log_failure(settings);
    }
    return !settings->failure;
}

// Opens the columns that options name, and removes these options.
static struct failure *open_columns(struct tls_settings *settings, struct tls_options *options,
                                    struct db_column *columns[TLS_N_TEXTS])
{
    char **texts[TLS_N_TEXTS];
    struct failure *failure = NULL;

    tls_options_texts(options, texts);
    for (size_t i = 0; i < TLS_N_TEXTS && !failure; i++) {
        if (*texts[i] && db_column_is(*texts[i])) {
            failure = db_column_new(*texts[i], settings->databases, refuse_other_types, on_changed,
                                    settings, &columns[i]);
            free(TAKE_PTR(*texts[i]));
        }
    }
    return failure;
}

// Checks the options that are not followed. If none is followed, the net gets them. With `may_wait`
// only checks that do not depend on files are made.
static struct failure *check_or_set(struct tls_settings *settings,
                                    const struct tls_options *options, bool follows, bool may_wait)
{
    struct tls_config *trial;
    struct failure *failure;

    if (may_wait) {
        return tls_config_check(options);
    }
    if (!follows) {
        return net_set_tls(settings->net, options);
    }
    trial = tls_config_new();
    failure = tls_config_set(trial, options);
    tls_config_unref(trial);
    return failure;
}

struct failure *tls_settings_set(struct tls_settings *settings, const struct tls_options *options,
                                 bool may_wait)
{
    struct db_column *columns[TLS_N_TEXTS] = {NULL};
    struct tls_options fixed = tls_options_copy(options);
    struct failure *failure = open_columns(settings, &fixed, columns);
    bool follows = has_columns(columns);

    if (!failure) {
        failure = check_or_set(settings, &fixed, follows, may_wait);
    }
    if (failure) {
        free_columns(columns);
        tls_options_done(&fixed);
        return failure;
    }
    free_columns(settings->columns);
    memcpy(settings->columns, columns, sizeof(columns));
    tls_options_done(&settings->options);
    settings->options = fixed;
    if (follows || may_wait) {
        load_options(settings, clock_monotonic());
    } else {
        failure_free(TAKE_PTR(settings->failure));
        settings->retry_at = USEC_INFINITY;
    }
    return NULL;
}

bool tls_settings_may_change(const struct tls_settings *settings)
{
    return has_columns(settings->columns) || settings->failure;
}

const struct failure *tls_settings_failure(const struct tls_settings *settings)
{
    return settings->failure;
}

bool tls_settings_run(struct tls_settings *settings, usec_t now)
{
    return (settings->is_changed || now >= settings->retry_at) && load_options(settings, now);
}

usec_t tls_settings_deadline(const struct tls_settings *settings)
{
    return settings->retry_at;
}
