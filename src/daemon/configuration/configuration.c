// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/configuration.h"

#include "basic/alloc.h"

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

bool configuration_has_option(const struct configuration *config, const char *name)
{
    for (size_t i = 0; i < config->n_options; i++) {
        if (!strcmp(config->options[i].name, name)) {
            return true;
        }
    }
    return false;
}
