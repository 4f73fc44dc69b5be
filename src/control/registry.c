// SPDX-License-Identifier: Apache-2.0
#include "control/call.h"

#include "basic/counter.h"

#include <assert.h>
#include <string.h>

COUNTER(control_commands, "Commands run on control sockets");

struct command_registry {
    struct list watches;
    struct command *commands; // sorted by name
    size_t n;
    size_t capacity;
};

static void on_list_commands(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};

    command_registry_list(userdata, &text);
    command_reply(call, buf_cstr(&text));
}

static bool parse_format(const char *text, bool *ret_is_json)
{
    *ret_is_json = !strcmp(text, "json");
    return *ret_is_json || !strcmp(text, "text");
}

// "--format json" and "--format=json"
static void on_set_options(struct command_call *call, int argc, char **argv, void *userdata)
{
    bool is_json = false;

    for (int i = 1; i < argc; i++) {
        const char *format = NULL;

        if (!strncmp(argv[i], "--format=", 9)) {
            format = argv[i] + 9;
        } else if (!strcmp(argv[i], "--format") && i + 1 < argc) {
            format = argv[++i];
        }
        if (!format || !parse_format(format, &is_json)) {
            command_reply_error(call, "the only option is --format, which is text or json");
            return;
        }
    }
    if (call->set_json) {
        call->set_json(call, is_json);
    }
    command_reply(call, "");
}

struct command_registry *command_registry_new(void)
{
    struct command_registry *registry = NEW(struct command_registry);

    list_init(&registry->watches);
    command_register(registry, &(struct command){"list-commands", "", 0, 0, on_list_commands,
                                                 registry, .reads = true});
    command_register(registry, &(struct command){"set-options", "[--format text|json]", 0, -1,
                                                 on_set_options, NULL, .reads = true});
    return registry;
}

void command_registry_free(struct command_registry *registry)
{
    if (registry) {
        free(registry->commands);
        free(registry);
    }
}

// The index of the first command that does not sort before `name`.
static size_t position_of(const struct command_registry *registry, const char *name)
{
    size_t i = 0;

    while (i < registry->n && strcmp(registry->commands[i].name, name) < 0) {
        i++;
    }
    return i;
}

void command_register(struct command_registry *registry, const struct command *command)
{
    size_t i = position_of(registry, command->name);

    assert(i == registry->n || strcmp(registry->commands[i].name, command->name));
    GROW(registry->commands, registry->n, registry->capacity);
    memmove(registry->commands + i + 1, registry->commands + i,
            (registry->n - i) * sizeof(registry->commands[0]));
    registry->commands[i] = *command;
    registry->n++;
}

void command_registry_watch(struct command_registry *registry, struct command_watch *watch)
{
    list_push_back(&registry->watches, &watch->node);
}

bool command_registry_is_watched(const struct command_registry *registry)
{
    return !list_is_empty(&registry->watches);
}

void command_registry_changed(struct command_registry *registry)
{
    struct command_watch *watch;

    LIST_FOREACH (watch, &registry->watches, node) {
        watch->changed(watch);
    }
}

void command_describe(struct command_registry *registry, const char *name,
                      const struct command_type *type)
{
    size_t i = position_of(registry, name);

    assert(i < registry->n && !strcmp(registry->commands[i].name, name));
    registry->commands[i].type = type;
}

const struct command *command_registry_next(const struct command_registry *registry, size_t *state)
{
    return *state < registry->n ? &registry->commands[(*state)++] : NULL;
}

const struct command *command_registry_find(const struct command_registry *registry,
                                            const char *name)
{
    size_t i = position_of(registry, name);

    return i < registry->n && !strcmp(registry->commands[i].name, name) ? &registry->commands[i]
                                                                        : NULL;
}

const struct command *command_registry_find_method(const struct command_registry *registry,
                                                   const char *method)
{
    for (size_t i = 0; i < registry->n; i++) {
        const struct command_type *type = registry->commands[i].type;

        if (type && !strcmp(type->method, method)) {
            return &registry->commands[i];
        }
    }
    return NULL;
}

bool command_type_has(const struct command_type *type, const char *argument)
{
    for (const struct command_arg *arg = type->args; arg->name; arg++) {
        if (!strcmp(arg->name, argument)) {
            return true;
        }
    }
    return false;
}

void command_registry_list(const struct command_registry *registry, struct buf *text)
{
    buf_puts(text, "The available commands are:\n");
    for (size_t i = 0; i < registry->n; i++) {
        buf_printf(text, "  %-23s %s\n", registry->commands[i].name, registry->commands[i].usage);
    }
}

void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv)
{
    const struct command *command = command_registry_find(registry, argv[0]);
    _cleanup_free_ char *error = NULL;

    COUNT(control_commands);
    if (!command && !strncmp(argv[0], "cluster/", strlen("cluster/"))) {
        error = xasprintf("%s: clustered databases are not supported yet", argv[0]);
    } else if (!command) {
        error = xasprintf(
            "\"%s\" is not a valid command (use \"list-commands\" to see a list of "
            "valid commands)",
            argv[0]);
    } else if (argc - 1 < command->min_args) {
        error =
            xasprintf("\"%s\" command requires at least %d arguments", argv[0], command->min_args);
    } else if (command->max_args >= 0 && argc - 1 > command->max_args) {
        error = xasprintf("\"%s\" command takes at most %d arguments", argv[0], command->max_args);
    }
    if (error) {
        command_reply_error(call, error);
    } else if (!command->reads && !call->may_change) {
        error =
            xasprintf("permission denied: \"%s\" is for root and the server's own user", argv[0]);
        call->done(call, COMMAND_DENIED, error);
    } else {
        command->run(call, argc, argv, command->userdata);
    }
}

void command_reply(struct command_call *call, const char *text)
{
    call->done(call, COMMAND_DONE, text);
}

void command_reply_error(struct command_call *call, const char *text)
{
    call->done(call, COMMAND_FAILED, text);
}

void command_reply_outcome(struct command_call *call, char *error)
{
    if (error) {
        command_reply_error(call, error);
    } else {
        command_reply(call, "");
    }
    free(error);
}

void command_argv_free(char **argv)
{
    for (char **arg = argv; arg && *arg; arg++) {
        free(*arg);
    }
    free(argv);
}
