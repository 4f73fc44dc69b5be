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

// A relay's section has the name of the database. Makes it the argument "relay:DB:SOURCE".
static struct failure *make_relay(struct config_database *database)
{
    const char *slash = strrchr(database->file, '/');
    char *argument;

    if (!database->source) {
        return failure_new(FAILURE_INVALID, "the service-model \"relay\" needs a source");
    }
    if (database->schema || database->exclude_tables || database->backup ||
        database->strict_schema != CHOICE_UNSET) {
        return failure_new(FAILURE_INVALID,
                           "schema, exclude-tables, strict-schema and backup are not for the "
                           "service-model \"relay\"");
    }
    argument = xasprintf("relay:%s:%s", slash ? slash + 1 : database->file, database->source);
    free(database->file);
    database->file = argument;
    free(TAKE_PTR(database->source));
    return NULL;
}

static struct failure *check_database(struct config_database *database)
{
    const char *model = database->service_model;
    bool is_pair = model && !strcmp(model, "active-backup");

    if (model && !strcmp(model, "relay")) {
        return make_relay(database);
    }

    if (model && strcmp(model, "standalone") && !is_pair) {
        return failure_new(FAILURE_INVALID,
                           "service-model: \"%s\" is not supported, only \"standalone\", "
                           "\"active-backup\" and \"relay\"",
                           model);
    }
    if (database->source && model && !is_pair) {
        return failure_new(FAILURE_INVALID, "source: not for the service-model \"standalone\"");
    }
    if (!database->source && database->backup) {
        return failure_new(FAILURE_INVALID, "backup needs a source");
    }
    if (!database->source && database->exclude_tables && !is_pair) {
        return failure_new(FAILURE_INVALID, "exclude-tables needs a source");
    }
    return NULL;
}

// Checks rules that concern more than one key.
static struct failure *check_rules(const char *path, struct configuration *config)
{
    for (size_t i = 0; i < config->n_databases; i++) {
        struct config_database *database = &config->databases[i];
        struct failure *failure = check_database(database);

        if (failure) {
            return failure_prefix(failure, "%s: database %s", path, database->file);
        }
    }
    return NULL;
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

struct failure *configuration_parse(const char *path, struct slice text, struct configuration *ret)
{
    struct configuration config = {0};
    struct failure *failure;

    text = skip_byte_order_mark(text);
    failure = is_json(text) ? configuration_parse_json(path, text, &config)
                            : configuration_parse_text(path, text, &config);
    if (!failure) {
        failure = check_rules(path, &config);
    }
    if (failure) {
        configuration_done(&config);
    } else {
        config.n_remotes_of_file = config.n_remotes;
        *ret = config;
    }
    return failure;
}

struct failure *configuration_load(const char *path, struct configuration *ret)
{
    _cleanup_buf_ struct buf text = {0};
    int r = file_read(path, &text);

    if (r < 0) {
        return failure_from_errno(r, "%s: cannot be read", path);
    }
    return configuration_parse(path, buf_slice(&text), ret);
}
