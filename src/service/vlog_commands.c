// SPDX-License-Identifier: Apache-2.0
#include "service/vlog_commands.h"

#include "service/vlog.h"

#include <string.h>
#include <strings.h>

LOG_MODULE(vlog);

static void on_set(struct command_call *call, int argc, char **argv, void *userdata)
{
    for (int i = argc > 1 ? 1 : 0; i < argc; i++) {
        _cleanup_free_ char *error = vlog_set(i ? argv[i] : "");

        if (error) {
            command_reply_error(call, error);
            return;
        }
    }
    command_reply(call, "");
}

static void on_list(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};

    vlog_list(&text);
    command_reply(call, buf_cstr(&text));
}

static void on_list_pattern(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};

    vlog_list_patterns(&text);
    command_reply(call, buf_cstr(&text));
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

// Of the named modules, or of all. False if one is unknown; then none is changed.
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

// A mark that a script or a person leaves in the log.
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

void vlog_commands_register(struct command_registry *registry)
{
    static const struct command commands[] = {
        {"vlog/set", "{spec | PATTERN:destination:pattern}", 0, -1, on_set, NULL},
        {"vlog/list", "", 0, 0, on_list, NULL, .reads = true},
        {"vlog/list-pattern", "", 0, 0, on_list_pattern, NULL, .reads = true},
        {"vlog/message", "[LEVEL] MESSAGE", 1, 2, on_message, NULL},
        {"vlog/close", "", 0, 0, on_close, NULL},
        {"vlog/reopen", "", 0, 0, on_reopen, NULL},
        {"vlog/enable-rate-limit", "[module]...", 0, -1, on_rate_limit, NULL},
        {"vlog/disable-rate-limit", "[module]...", 0, -1, on_rate_limit, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        command_register(registry, &commands[i]);
    }
}
