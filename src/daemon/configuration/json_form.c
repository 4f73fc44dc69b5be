// SPDX-License-Identifier: Apache-2.0
// The form that programs write: {"remotes": {TARGET: {KEY: VALUE}}, "databases": {FILE: {...}},
// "allow-path": [PATH, ...]}. An object may be null instead of empty. "source" is an object with
// one member, the server, and its keys are what the other form calls source-KEY.
#include "daemon/configuration/sections.h"
#include "json/tree.h"

#include <assert.h>
#include <string.h>

// The strings of an array, separated by commas; NULL if it holds anything else. Caller frees.
static char *names_of(json_t *array)
{
    _cleanup_buf_ struct buf names = {0};
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item)) {
            return NULL;
        }
        buf_printf(&names, "%s%s", i ? "," : "", json_string_value(item));
    }
    return xstrdup(buf_cstr(&names));
}

// The value as text of the other form. NULL: a key cannot have such a value. Caller frees.
static char *value_of(json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return xstrdup(json_string_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return xstrdup(json_is_true(value) ? "yes" : "no");
    case JSON_INTEGER:
        return xasprintf("%lld", (long long)json_integer_value(value));
    case JSON_ARRAY:
        return names_of(value);
    default:
        return NULL;
    }
}

// The position in the file, for messages.
struct reader {
    struct section section;
    const char *path;
    const char *list; // "remotes" or "databases"
    const char *item; // the member of that
};

// Programs that write such files may be newer than this one: unknown keys cause only a warning.
static void warn_ignored(struct reader *reader, const char *place, const char *key)
{
    struct configuration *config = reader->section.config;

    config->warnings =
        xreallocarray(config->warnings, config->n_warnings + 1, sizeof(*config->warnings));
    config->warnings[config->n_warnings++] =
        xasprintf("%s: %s%s: unknown key, ignored", reader->path, place, key);
}

static void warn_ignored_in_item(struct reader *reader, const char *within, const char *key)
{
    _cleanup_free_ char *place = xasprintf("%s: %s: %s", reader->list, reader->item, within);

    warn_ignored(reader, place, key);
}

static struct failure *set_text(struct reader *reader, const char *key, json_t *value)
{
    _cleanup_free_ char *text = value_of(value);

    return text ? section_set(&reader->section, key, text, 0)
                : failure_new(FAILURE_INVALID,
                              "a string, a number, a boolean or a list of names is expected");
}

static struct failure *set_source_option(struct reader *reader, const char *target,
                                         const char *name, json_t *value)
{
    _cleanup_free_ char *key = xasprintf("source-%s", name);

    if (!section_has_key(&reader->section, key)) {
        _cleanup_free_ char *within = xasprintf("source: %s: ", target);

        warn_ignored_in_item(reader, within, name);
        return NULL;
    }
    return failure_prefix(set_text(reader, key, value), "%s: %s", target, name);
}

// {REMOTE: {KEY: VALUE}}
static struct failure *set_source(struct reader *reader, json_t *source)
{
    const char *target = json_object_iter_key(json_object_iter(source));
    json_t *options = target ? json_object_get(source, target) : NULL;
    const char *name;
    json_t *value;
    struct failure *failure;

    if (json_object_size(source) != 1) {
        return failure_new(FAILURE_INVALID, "an object with one server is expected");
    }
    if (!json_is_null(options) && !json_is_object(options)) {
        return failure_new(FAILURE_INVALID, "%s: an object is expected", target);
    }
    failure = section_set(&reader->section, "source", target, 0);
    json_object_foreach(options, name, value)
    {
        if (!failure) {
            failure = set_source_option(reader, target, name, value);
        }
    }
    return failure;
}

static struct failure *set_item_key(struct reader *reader, const char *key, json_t *value)
{
    if (!section_has_key(&reader->section, key)) {
        warn_ignored_in_item(reader, "", key);
        return NULL;
    }
    return json_is_object(value) && !strcmp(key, "source") ? set_source(reader, value)
                                                           : set_text(reader, key, value);
}

static struct failure *read_item(struct reader *reader, const char *kind, json_t *item)
{
    struct failure *failure = section_begin(&reader->section, kind, reader->item, 0);
    const char *key;
    json_t *value;

    if (failure) {
        return failure;
    }
    if (!json_is_object(item) && !json_is_null(item)) {
        return failure_new(FAILURE_INVALID, "an object is expected");
    }
    json_object_foreach(item, key, value)
    {
        failure = set_item_key(reader, key, value);
        if (failure) {
            return failure_prefix(failure, "%s", key);
        }
    }
    return NULL;
}

static struct failure *read_items(struct reader *reader, const char *kind, json_t *items)
{
    const char *name;
    json_t *item;

    if (!json_is_object(items)) {
        return failure_new(FAILURE_INVALID, "an object is expected");
    }
    json_object_foreach(items, name, item)
    {
        struct failure *failure = NULL;

        reader->item = name;
        failure = read_item(reader, kind, item);
        if (failure) {
            return failure_prefix(failure, "%s", name);
        }
    }
    return NULL;
}

// "allow-path": a path or an array of them, as for the option of that name.
static struct failure *read_paths(struct section *section, json_t *value)
{
    static const char expected[] = "a path or an array of paths is expected";
    json_t *item;
    struct failure *failure;
    size_t i;

    failure = section_begin(section, "options", "", 0);
    assert(!failure);
    if (json_is_string(value)) {
        return section_set(section, "allow-path", json_string_value(value), 0);
    }
    if (!json_is_array(value)) {
        return failure_new(FAILURE_INVALID, "%s", expected);
    }
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item)) {
            return failure_new(FAILURE_INVALID, "%s", expected);
        }
        failure = section_set(section, "allow-path", json_string_value(item), 0);
        if (failure) {
            return failure;
        }
    }
    return NULL;
}

struct failure *configuration_parse_json(const char *path, struct slice text,
                                         struct configuration *config)
{
    struct reader reader = {.section.config = config, .path = path};
    _cleanup_free_ char *invalid = NULL;
    _cleanup_tree_ json_t *tree = tree_parse(text, &invalid);
    json_t *items;

    if (!tree) {
        return failure_new(FAILURE_INVALID, "%s: %s", path, invalid);
    }
    json_object_foreach(tree, reader.list, items)
    {
        const char *kind = !strcmp(reader.list, "remotes")     ? "remote"
                           : !strcmp(reader.list, "databases") ? "database"
                                                               : NULL;
        struct failure *failure = NULL;

        if (kind) {
            failure = read_items(&reader, kind, items);
        } else if (!strcmp(reader.list, "allow-path")) {
            failure = read_paths(&reader.section, items);
        } else {
            warn_ignored(&reader, "", reader.list);
        }
        if (failure) {
            return failure_prefix(failure, "%s: %s", path, reader.list);
        }
    }
    return NULL;
}
