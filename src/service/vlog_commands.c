// SPDX-License-Identifier: Apache-2.0
#include "service/vlog_commands.h"

#include "control/reply.h"
#include "service/vlog.h"

#include <string.h>
#include <strings.h>

LOG_MODULE(vlog);

static void on_set(struct command_call *call, int argc, char **argv, void *userdata)
{
    for (int i = argc > 1 ? 1 : 0; i < argc; i++) {
        struct failure *failure = vlog_set(i ? argv[i] : "");

        if (failure) {
            command_reply_failure(call, failure);
            return;
        }
    }
    command_reply(call, "");
}

static void print_levels(const json_t *reply, struct buf *text)
{
    const json_t *module;
    size_t i;

    buf_puts(text,
             "                 console    syslog    file\n"
             "                 -------    ------    ------\n");
    json_array_foreach(json_object_get(reply, "levels"), i, module)
    {
        buf_printf(text, "%-16s  %4s       %4s       %4s\n", reply_string(module, "module"),
                   reply_string(module, "console"), reply_string(module, "syslog"),
                   reply_string(module, "file"));
    }
}

static void on_list(struct command_call *call, int argc, char **argv, void *userdata)
{
    json_t *modules = json_array();

    for (struct log_module *m = log_module_next(NULL); m; m = log_module_next(m)) {
        const enum log_level *levels = vlog_levels(m);

        json_array_append_new(modules, json_pack("{ss ss ss ss}", "module", m->name, "console",
                                                 log_level_name(levels[LOG_TO_CONSOLE]), "syslog",
                                                 log_level_name(levels[LOG_TO_SYSLOG]), "file",
                                                 log_level_name(levels[LOG_TO_FILE])));
    }
    command_reply_value(call, json_pack("{so}", "levels", modules), print_levels);
}

static void print_patterns(const json_t *reply, struct buf *text)
{
    const json_t *pattern;
    size_t i;

    buf_puts(text,
             "         prefix                            format\n"
             "         ------                            ------\n");
    json_array_foreach(json_object_get(reply, "patterns"), i, pattern)
    {
        buf_printf(text, "%-7s  %-32s  %s\n", reply_string(pattern, "destination"),
                   reply_string(pattern, "prefix"), reply_string(pattern, "format"));
    }
}

static void on_list_pattern(struct command_call *call, int argc, char **argv, void *userdata)
{
    static const struct {
        const char *name;
        enum log_destination destination;
    } destinations[] = {
        {"SYSLOG", LOG_TO_SYSLOG}, {"CONSOLE", LOG_TO_CONSOLE}, {"FILE", LOG_TO_FILE}};
    json_t *patterns = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
        enum log_destination destination = destinations[i].destination;
        const char *prefix = destination == LOG_TO_SYSLOG ? vlog_syslog_prefix() : "none";

        json_array_append_new(patterns, json_pack("{ss so so}", "destination", destinations[i].name,
                                                  "prefix", reply_text(prefix), "format",
                                                  reply_text(vlog_pattern(destination))));
    }
    command_reply_value(call, json_pack("{so}", "patterns", patterns), print_patterns);
}

static void on_close(struct command_call *call, int argc, char **argv, void *userdata)
{
    vlog_close();
    command_reply(call, "");
}

static void on_reopen(struct command_call *call, int argc, char **argv, void *userdata)
{
    int r = vlog_reopen();

    if (r < 0) {
        command_reply_error(call, strerror(-r));
    } else {
        command_reply(call, "");
    }
}

static void set_rate_limits(bool disabled)
{
    for (struct log_module *m = log_module_next(NULL); m; m = log_module_next(m)) {
        m->rate_limit_disabled = disabled;
    }
}

// Sets it for the named modules, or for all if none is named. Returns false if a module is unknown;
// then none is changed.
static bool set_rate_limit_disabled(int argc, char **argv, bool disabled)
{
    bool all = argc == 1;

    for (int i = 1; i < argc; i++) {
        bool is_any = !strcasecmp(argv[i], "any");

        if (!is_any && !log_module_find(argv[i])) {
            return false;
        }
        all |= is_any;
    }
    if (all) {
        set_rate_limits(disabled);
    }
    for (int i = 1; i < argc && !all; i++) {
        log_module_find(argv[i])->rate_limit_disabled = disabled;
    }
    return true;
}

static void on_rate_limit(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (set_rate_limit_disabled(argc, argv, !strcmp(argv[0], "vlog/disable-rate-limit"))) {
        command_reply(call, "");
    } else {
        command_reply_error(call, "unknown module");
    }
}

// vlog/message lets a script or a person write a line to the log.
static void on_message(struct command_call *call, int argc, char **argv, void *userdata)
{
    enum log_level level = LOG_LEVEL_INFO;

    if (argc == 3 && (!log_level_parse(argv[1], &level) || level == LOG_LEVEL_OFF)) {
        command_reply_error(call, "the levels are emer, err, warn, info and dbg");
        return;
    }
    log_at(level, "%s", argv[argc - 1]);
    command_reply(call, "");
}

static const struct command commands[] = {
    {"vlog/set", "{spec | PATTERN:destination:pattern}", 0, -1, on_set, .method = "SetLogLevels",
     .args = {{"specs", ARG_STRINGS}}},
    {"vlog/list", "", 0, 0, on_list, .method = "GetLogLevels",
     .result = COMMAND_RECORDS("levels", {"module", FIELD_STRING}, {"console", FIELD_STRING},
                               {"syslog", FIELD_STRING}, {"file", FIELD_STRING}),
     .reads = true},
    {"vlog/list-pattern", "", 0, 0, on_list_pattern, .method = "GetLogPatterns",
     .result = COMMAND_RECORDS("patterns", {"destination", FIELD_STRING}, {"prefix", FIELD_STRING},
                               {"format", FIELD_STRING}),
     .reads = true},
    {"vlog/message", "[LEVEL] MESSAGE", 1, 2, on_message, .method = "LogMessage",
     .args = {{"message", ARG_STRING}}},
    {"vlog/close", "", 0, 0, on_close, .method = "CloseLog"},
    {"vlog/reopen", "", 0, 0, on_reopen, .method = "ReopenLog"},
    {"vlog/enable-rate-limit", "[module]...", 0, -1, on_rate_limit, .method = "EnableLogRateLimit",
     .args = {{"modules", ARG_STRINGS}}},
    {"vlog/disable-rate-limit", "[module]...", 0, -1, on_rate_limit,
     .method = "DisableLogRateLimit", .args = {{"modules", ARG_STRINGS}}},
    {NULL},
};

void vlog_commands_register(struct command_registry *registry)
{
    command_register(registry, commands, NULL);
}
