// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/load.h"

#include "basic/alloc.h"
#include "basic/file.h"
#include "daemon/configuration/sections.h"

#include <ctype.h>
#include <string.h>

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
    bool is_pair = model && !strcmp(model, "active-backup");

    if (model && strcmp(model, "standalone") && !is_pair) {
        return xasprintf(
            "service-model: \"%s\" is not supported, only \"standalone\" and "
            "\"active-backup\"",
            model);
    }
    if (database->source && model && !is_pair) {
        return xstrdup("source: not for the service-model \"standalone\"");
    }
    if (!database->source && database->backup) {
        return xstrdup("backup needs a source");
    }
    if (!database->source && database->exclude_tables && !is_pair) {
        return xstrdup("exclude-tables needs a source");
    }
    return NULL;
}

// Checks rules that concern more than one key.
static char *check_rules(const char *path, const struct configuration *config)
{
    _cleanup_free_ char *roles = NULL;

    for (size_t i = 0; i < config->n_databases; i++) {
        const struct config_database *database = &config->databases[i];
        _cleanup_free_ char *error = check_database(database);

        if (error) {
            return xasprintf("%s: database %s: %s", path, database->file, error);
        }
    }
    roles = configuration_check_roles(config);
    return roles ? xasprintf("%s: %s", path, roles) : NULL;
}

// The text without the byte order mark that some editors write at the beginning.
static struct slice skip_byte_order_mark(struct slice text)
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

    text = skip_byte_order_mark(text);
    error = is_json(text) ? configuration_parse_json(path, text, &config)
                          : configuration_parse_text(path, text, &config);
    if (!error) {
        error = check_rules(path, &config);
    }
    if (error) {
        configuration_done(&config);
    } else {
        config.n_remotes_of_file = config.n_remotes;
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
