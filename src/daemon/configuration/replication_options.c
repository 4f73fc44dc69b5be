// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/replication_options.h"

#include "basic/str.h"

#include <string.h>

// The part of the configuration that is about the served database `name`, or NULL.
static const struct config_database *find_config(const struct databases *databases,
                                                 const struct server_options *options,
                                                 const char *name)
{
    const struct configuration *config = &options->config;

    for (size_t i = 0; i < config->n_databases; i++) {
        if (str_equals(databases_name_of(databases, config->databases[i].file), name)) {
            return &config->databases[i];
        }
    }
    return NULL;
}

struct sync_settings replication_options_common(const struct server_options *options)
{
    return (struct sync_settings){.source = options->sync_from,
                                  .options = REMOTE_OPTIONS_DEFAULT,
                                  .is_backup = options->sync_from && !options->active,
                                  .is_strict = options->sync_strict_schema};
}

struct sync_settings replication_options_of(const struct databases *databases,
                                            const struct server_options *options, const char *name)
{
    const struct config_database *database = find_config(databases, options, name);
    struct sync_settings settings = replication_options_common(options);

    if (database && database->source) {
        settings.source = database->source;
        settings.options = database->source_options;
        settings.is_backup = database->backup;
    } else if (database && str_equals(database->service_model, "standalone")) {
        settings = SYNC_SETTINGS_DEFAULT;
    }
    if (database && database->strict_schema != CHOICE_UNSET) {
        settings.is_strict = database->strict_schema == CHOICE_YES;
    }
    return settings;
}

const char *replication_options_owner(const struct databases *databases,
                                      const struct server_options *options, const char *name)
{
    const struct config_database *database = name ? find_config(databases, options, name) : NULL;
    bool is_owned = database && (database->source || database->service_model);

    return is_owned || configuration_has_option(&options->config, "sync-from")
               ? options->config_file
               : NULL;
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
