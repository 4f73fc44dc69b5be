// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "daemon/configuration_sections.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

void configuration_done(struct configuration *config)
{
    for (size_t i = 0; i < config->n_options; i++) {
        free(config->options[i].name);
        free(config->options[i].value);
    }
    for (size_t i = 0; i < config->n_databases; i++) {
        free(config->databases[i].file);
        free(config->databases[i].schema);
        free(config->databases[i].source);
        free(config->databases[i].exclude_tables);
        free(config->databases[i].service_model);
    }
    for (size_t i = 0; i < config->n_remotes; i++) {
        free((char *)config->remotes[i].target);
        free((char *)config->remotes[i].settings.role);
    }
    free(config->options);
    free(config->databases);
    free(config->remotes);
    *config = (struct configuration){0};
}

void configuration_add_database(struct configuration *config, const char *file)
{
    for (size_t i = 0; i < config->n_databases; i++) {
        if (!strcmp(config->databases[i].file, file)) {
            return;
        }
    }
    config->databases =
        xreallocarray(config->databases, config->n_databases + 1, sizeof(*config->databases));
    config->databases[config->n_databases++] =
        (struct config_database){.file = xstrdup(file), .source_options = REMOTE_OPTIONS_DEFAULT};
}

void configuration_add_remote(struct configuration *config, const char *target)
{
    for (size_t i = 0; i < config->n_remotes; i++) {
        if (!strcmp(config->remotes[i].target, target)) {
            return;
        }
    }
    config->remotes =
        xreallocarray(config->remotes, config->n_remotes + 1, sizeof(*config->remotes));
    config->remotes[config->n_remotes++] =
        (struct remote_config){xstrdup(target), REMOTE_SETTINGS_DEFAULT};
}

bool configuration_parse_bool(const char *value, bool *ret)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcasecmp(value, words[i])) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static bool is_json(struct slice text)
{
    size_t i = 0;

    while (i < text.size && isspace((unsigned char)text.data[i])) {
        i++;
    }
    return i < text.size && text.data[i] == '{';
}

static char *check_database(const struct config_database *database)
{
    const char *model = database->service_model;

    if (model && strcmp(model, "standalone") && strcmp(model, "active-backup")) {
        return xasprintf(
            "service-model: \"%s\" is not supported, only \"standalone\" and "
            "\"active-backup\"",
            model);
    }
    if (model && !strcmp(model, "active-backup") && !database->source) {
        return xstrdup("service-model: \"active-backup\" needs a source");
    }
    if (database->source && model && !strcmp(model, "standalone")) {
        return xstrdup("source: not for the service-model \"standalone\"");
    }
    if (!database->source && (database->backup || database->exclude_tables)) {
        return xstrdup("backup and exclude-tables need a source");
    }
    return NULL;
}

// What concerns more than one key.
static char *check(const char *path, const struct configuration *config)
{
    const char *source = NULL;

    for (size_t i = 0; i < config->n_databases; i++) {
        const struct config_database *database = &config->databases[i];
        _cleanup_free_ char *error = check_database(database);

        if (error) {
            return xasprintf("%s: database %s: %s", path, database->file, error);
        }
        if (database->source && strcmp(database->source, source ? source : database->source)) {
            return xasprintf("%s: database %s: source: all databases must have the same, %s", path,
                             database->file, source);
        }
        source = database->source ? database->source : source;
    }
    return NULL;
}

// What some editors put first, and mean nothing by.
static struct slice without_mark(struct slice text)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t size = strlen(mark);

    return text.size >= size && !memcmp(text.data, mark, size)
               ? (struct slice){text.data + size, text.size - size}
               : text;
}

char *configuration_parse(const char *path, struct slice text, struct configuration *ret)
{
    struct configuration config = {0};
    char *error;

    text = without_mark(text);
    error = is_json(text) ? configuration_parse_json(path, text, &config)
                          : configuration_parse_text(path, text, &config);
    if (!error) {
        error = check(path, &config);
    }
    if (error) {
        configuration_done(&config);
    } else {
        *ret = config;
    }
    return error;
}

char *configuration_load(const char *path, struct configuration *ret)
{
    _cleanup_buf_ struct buf text = {0};
    int r = file_read(path, &text);

    if (r < 0) {
        return xasprintf("%s: cannot be read: %s", path, strerror(-r));
    }
    return configuration_parse(path, buf_slice(&text), ret);
}
