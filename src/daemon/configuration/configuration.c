// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/configuration.h"

#include "basic/alloc.h"
#include "basic/str.h"

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
    for (size_t i = 0; i < config->n_warnings; i++) {
        free(config->warnings[i]);
    }
    free(config->warnings);
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

static struct failure *check_pair(const struct config_database *one,
                                  const struct config_database *other)
{
    if (!str_equals(one->source, other->source)) {
        return failure_new(
            FAILURE_INVALID,
            "databases %s and %s have different sources (%s and %s): all databases of a server "
            "must have the same",
            one->file, other->file, one->source ? one->source : "none",
            other->source ? other->source : "none");
    }
    if (one->backup != other->backup) {
        return failure_new(
            FAILURE_INVALID,
            "database %s is a backup and %s is not: all databases of a server must have the "
            "same role",
            one->backup ? one->file : other->file, one->backup ? other->file : one->file);
    }
    if (!remote_options_equal(&one->source_options, &other->source_options)) {
        return failure_new(
            FAILURE_INVALID,
            "databases %s and %s have different options for their source: all databases of a "
            "server must have the same",
            one->file, other->file);
    }
    return NULL;
}

struct failure *configuration_check_roles(const struct configuration *config)
{
    struct failure *failure = NULL;

    for (size_t i = 1; i < config->n_databases && !failure; i++) {
        failure = check_pair(&config->databases[0], &config->databases[i]);
    }
    return failure;
}

bool configuration_sets_roles(const struct configuration *config)
{
    for (size_t i = 0; i < config->n_databases; i++) {
        if (config->databases[i].source || config->databases[i].service_model) {
            return true;
        }
    }
    for (size_t i = 0; i < config->n_options; i++) {
        if (!strcmp(config->options[i].name, "sync-from")) {
            return true;
        }
    }
    return false;
}
