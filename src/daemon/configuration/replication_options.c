// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/replication_options.h"

#include <string.h>

// The first database of the file that has a source, or NULL. All have the same source
// (configuration_check_roles()).
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

const char *replication_options_source(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->source : options->sync_from;
}

struct remote_options replication_options_of_source(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->source_options : REMOTE_OPTIONS_DEFAULT;
}

bool replication_options_is_backup(const struct server_options *options)
{
    const struct config_database *copy = first_copy(options);

    return copy ? copy->backup : options->sync_from && !options->active;
}

void replication_options_put_excluded(const struct databases *databases,
                                      const struct server_options *options, struct buf *list)
{
    if (options->sync_exclude_tables) {
        buf_puts(list, options->sync_exclude_tables);
    }
    for (size_t i = 0; i < options->config.n_databases; i++) {
        const struct config_database *database = &options->config.databases[i];
        const char *name = databases_name_of(databases, database->file);
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
