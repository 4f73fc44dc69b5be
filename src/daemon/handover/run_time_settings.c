// SPDX-License-Identifier: Apache-2.0
#include "daemon/handover/run_time_settings.h"

#include "basic/log.h"
#include "basic/str.h"
#include "daemon/configuration/replication_options.h"
#include "daemon/parts.h"
#include "daemon/replication/relay.h"
#include "daemon/replication/sync.h"
#include "daemon/replication/upstream.h"
#include "service/vlog.h"
#include "session/audit.h"

#include <string.h>

LOG_MODULE(ovsdb_server);

// Text from the command line that is not UTF-8 becomes null, too.
static json_t *string_or_null(const char *text)
{
    json_t *string = text ? json_string(text) : NULL;

    return string ? string : json_null();
}

static json_t *ms_or_null(uint64_t ms)
{
    return ms <= UINT32_MAX ? json_integer((json_int_t)ms) : json_null();
}

static json_t *nothing_configured(const struct parts *parts)
{
    return json_null();
}

// The settings of one database, or the common ones: [SOURCE, PROBE INTERVAL, IS BACKUP].
static json_t *pack_sync(const struct sync_settings *settings)
{
    json_t *array = json_array();

    json_array_append_new(array, string_or_null(settings->source));
    json_array_append_new(array, ms_or_null(settings->options.probe_interval_ms));
    json_array_append_new(array, json_boolean(settings->is_backup));
    return array;
}

// {"DATABASE": [...], ..., "": [...]}. "" stands for the common settings.
static json_t *sync_configured(const struct parts *parts)
{
    const struct sync_settings common = replication_options_common(parts->options);
    json_t *object = json_object();
    const char *name = NULL;

    while ((name = sync_next(parts->sync, name))) {
        const struct sync_settings settings =
            replication_options_of(parts->databases, parts->options, name);

        json_object_set_new(object, name, pack_sync(&settings));
    }
    json_object_set_new(object, "", pack_sync(&common));
    return object;
}

static json_t *sync_get(const struct parts *parts)
{
    const struct sync_settings common = sync_settings(parts->sync, NULL);
    json_t *object = json_object();
    const char *name = NULL;

    while ((name = sync_next(parts->sync, name))) {
        const struct sync_settings settings = sync_settings(parts->sync, name);

        json_object_set_new(object, name, pack_sync(&settings));
    }
    json_object_set_new(object, "", pack_sync(&common));
    return object;
}

// `settings` are the present ones, and become the restored ones. They borrow from `value`.
static bool unpack_sync(const json_t *value, struct sync_settings *settings)
{
    const json_t *ms = json_array_get(value, 1);

    if (json_array_size(value) != 3 ||
        (json_is_integer(ms) &&
         (json_integer_value(ms) < 0 || json_integer_value(ms) > UINT32_MAX))) {
        return false;
    }
    settings->source = json_string_value(json_array_get(value, 0));
    if (json_is_integer(ms)) {
        settings->options.probe_interval_ms = (uint64_t)json_integer_value(ms);
    }
    settings->is_backup = settings->source && json_is_true(json_array_get(value, 2));
    return true;
}

static struct failure *sync_restore_of(const struct parts *parts, const char *name,
                                       const json_t *value)
{
    struct sync_settings settings;
    struct failure *failure;

    if (*name && !sync_has(parts->sync, name)) {
        return NULL;
    }
    settings = sync_settings(parts->sync, *name ? name : NULL);
    if (!unpack_sync(value, &settings)) {
        return failure_new(FAILURE_INVALID, "%s: not the settings of a database", name);
    }
    failure = settings.source ? upstream_check_source(settings.source) : NULL;
    if (failure) {
        return failure;
    }
    if (*name) {
        return sync_apply(parts->sync, name, &settings);
    }
    sync_set_common(parts->sync, &settings);
    return NULL;
}

static struct failure *sync_restore(const struct parts *parts, const json_t *value)
{
    struct failure *first = NULL;
    const char *name;
    json_t *of_db;

    json_object_foreach((json_t *)value, name, of_db)
    {
        failure_keep_first(&first, sync_restore_of(parts, name, of_db));
    }
    return first;
}

static json_t *exclude_configured(const struct parts *parts)
{
    _cleanup_buf_ struct buf list = {0};

    replication_options_put_excluded(parts->databases, parts->options, &list);
    return string_or_null(buf_cstr(&list));
}

static json_t *exclude_get(const struct parts *parts)
{
    _cleanup_buf_ struct buf list = {0};

    exclude_put(sync_exclude(parts->sync), &list);
    return string_or_null(buf_cstr(&list));
}

static struct failure *exclude_set(const struct parts *parts, const json_t *value)
{
    return json_is_string(value) ? sync_set_exclude(parts->sync, NULL, json_string_value(value))
                                 : NULL;
}

static json_t *relay_probe_get(const struct parts *parts)
{
    return ms_or_null(relays_probe_interval(parts->relays));
}

static struct failure *relay_probe_set(const struct parts *parts, const json_t *value)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        relays_set_probe_interval(parts->relays, (uint64_t)json_integer_value(value));
    }
    return NULL;
}

static json_t *audit_configured(const struct parts *parts)
{
    return string_or_null(parts->options->audit);
}

static void put_rule(void *userdata, const char *db, const char *table, bool on)
{
    json_t *rule = json_array();

    json_array_append_new(rule, json_string(db));
    json_array_append_new(rule, string_or_null(table));
    json_array_append_new(rule, json_boolean(on));
    json_array_append_new(userdata, rule);
}

static json_t *audit_get(const struct parts *parts)
{
    json_t *rules = json_array();

    audit_visit(parts->server, put_rule, rules);
    return rules;
}

static struct failure *audit_restore(const struct parts *parts, const json_t *value)
{
    json_t *rule;
    size_t i;

    audit_configure(parts->server, "");
    json_array_foreach(value, i, rule)
    {
        const char *db = json_string_value(json_array_get(rule, 0));

        if (db) {
            audit_set(parts->server, db, json_string_value(json_array_get(rule, 1)),
                      json_is_true(json_array_get(rule, 2)));
        }
    }
    return NULL;
}

static json_t *trim_get(const struct parts *parts)
{
    return json_boolean(databases_trim(parts->databases));
}

static struct failure *trim_set(const struct parts *parts, const json_t *value)
{
    databases_set_trim(parts->databases, json_is_true(value));
    return NULL;
}

static json_t *column_diff_configured(const struct parts *parts)
{
    return json_boolean(!parts->options->no_column_diff);
}

static json_t *column_diff_get(const struct parts *parts)
{
    return json_boolean(databases_column_diff(parts->databases));
}

static struct failure *column_diff_set(const struct parts *parts, const json_t *value)
{
    databases_set_column_diff(parts->databases, json_is_true(value));
    return NULL;
}

// The values of -v and --verbose on the command line and of "verbose" in the file.
static json_t *log_configured(const struct parts *parts)
{
    const struct server_options *options = parts->options;
    json_t *specs = json_array();

    for (int i = 1; i < options->argc; i++) {
        if (!strncmp(options->argv[i], "-v", 2) || !strncmp(options->argv[i], "--v", 3)) {
            json_array_append_new(specs, json_string(options->argv[i]));
        }
    }
    for (size_t i = 0; i < options->config.n_options; i++) {
        if (!strcmp(options->config.options[i].name, "verbose")) {
            json_array_append_new(specs, json_string(options->config.options[i].value));
        }
    }
    return specs;
}

static void put_spec(void *userdata, const char *spec)
{
    json_array_append_new(userdata, json_string(spec));
}

static json_t *log_get(const struct parts *parts)
{
    json_t *specs = json_array();

    vlog_visit_specs(put_spec, specs);
    return specs;
}

static struct failure *log_set(const struct parts *parts, const json_t *value)
{
    struct failure *first = NULL;
    json_t *spec;
    size_t i;

    json_array_foreach(value, i, spec)
    {
        if (!first && json_is_string(spec)) {
            first = vlog_set(json_string_value(spec));
        }
    }
    return first;
}

static json_t *log_limits_get(const struct parts *parts)
{
    json_t *names = json_array();

    for (struct log_module *m = log_module_next(NULL); m; m = log_module_next(m)) {
        if (m->rate_limit_disabled) {
            json_array_append_new(names, json_string(m->name));
        }
    }
    return names;
}

static struct failure *log_limits_set(const struct parts *parts, const json_t *value)
{
    json_t *name;
    size_t i;

    json_array_foreach(value, i, name)
    {
        struct log_module *module =
            json_is_string(name) ? log_module_find(json_string_value(name)) : NULL;

        if (module) {
            module->rate_limit_disabled = true;
        }
    }
    return NULL;
}

static const struct setting {
    const char *name;
    json_t *(*configured)(const struct parts *parts);
    json_t *(*get)(const struct parts *parts);
    struct failure *(*set)(const struct parts *parts, const json_t *value);
} settings[] = {
    {"sync-exclude-tables", exclude_configured, exclude_get, exclude_set},
    {"replication", sync_configured, sync_get, sync_restore},
    {"relay-source-probe-interval", nothing_configured, relay_probe_get, relay_probe_set},
    {"audit", audit_configured, audit_get, audit_restore},
    {"memory-trim-on-compaction", nothing_configured, trim_get, trim_set},
    {"file-column-diff", column_diff_configured, column_diff_get, column_diff_set},
    {"log", log_configured, log_get, log_set},
    {"log-without-rate-limit", nothing_configured, log_limits_get, log_limits_set},
};

json_t *run_time_settings_get(const struct parts *parts)
{
    json_t *object = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        json_t *pair = json_array();

        json_array_append_new(pair, settings[i].configured(parts));
        json_array_append_new(pair, settings[i].get(parts));
        json_object_set_new(object, settings[i].name, pair);
    }
    return object;
}

static void restore_setting(const struct parts *parts, const struct setting *setting,
                            const json_t *pair)
{
    _cleanup_tree_ json_t *configured = setting->configured(parts);
    _cleanup_failure_ struct failure *failure = NULL;

    if (!pair) {
        return;
    }
    if (!json_equal(json_array_get(pair, 0), configured)) {
        log_info("%s: not restored: the configuration has changed", setting->name);
        return;
    }
    failure = setting->set(parts, json_array_get(pair, 1));
    if (failure) {
        log_warn("%s: cannot be restored: %s", setting->name, failure_text(failure));
    }
}

void run_time_settings_set(const struct parts *parts, const json_t *object)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        restore_setting(parts, &settings[i], json_object_get(object, settings[i].name));
    }
}
