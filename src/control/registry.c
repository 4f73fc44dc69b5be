// SPDX-License-Identifier: Apache-2.0
#include "control/call.h"

#include "basic/counter.h"
#include "control/reply.h"

#include <assert.h>
#include <string.h>

COUNTER(control_commands, "Commands run on control sockets");

struct registry_entry {
    const struct command *command;
    void *userdata;
};

struct command_registry {
    struct list watches;
    struct registry_entry *entries; // sorted by the name of the command
    size_t n;
    size_t capacity;
    void (*changed)(void *userdata); // may be NULL
    void *changed_userdata;
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

// Accepts "--format json" and "--format=json".
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

static const struct command own_commands[] = {
    {"list-commands", "", 0, 0, on_list_commands, .reads = true},
    {"set-options", "[--format text|json]", 0, -1, on_set_options, .reads = true},
    {NULL},
};

struct command_registry *command_registry_new(void)
{
    struct command_registry *registry = NEW(struct command_registry);

    list_init(&registry->watches);
    command_register(registry, own_commands, registry);
    return registry;
}

void command_registry_free(struct command_registry *registry)
{
    if (registry) {
        assert(list_is_empty(&registry->watches));
        free(registry->entries);
        free(registry);
    }
}

// Returns the index of the first command whose name is not less than `name`.
static size_t position_of(const struct command_registry *registry, const char *name)
{
    size_t i = 0;

    while (i < registry->n && strcmp(registry->entries[i].command->name, name) < 0) {
        i++;
    }
    return i;
}

static const struct registry_entry *find_entry(const struct command_registry *registry,
                                               const char *name)
{
    size_t i = position_of(registry, name);

    return i < registry->n && !strcmp(registry->entries[i].command->name, name)
               ? &registry->entries[i]
               : NULL;
}

static void register_one(struct command_registry *registry, const struct command *command,
                         void *userdata)
{
    size_t i = position_of(registry, command->name);

    assert(!find_entry(registry, command->name));
    assert(command->run && command->min_args >= 0);
    assert(command->max_args < 0 || command->max_args >= command->min_args);
    assert(!command->result || command->method); // a type belongs to a method
    assert(!command->method || !command_registry_find_method(registry, command->method));
    GROW(registry->entries, registry->n, registry->capacity);
    memmove(registry->entries + i + 1, registry->entries + i,
            (registry->n - i) * sizeof(registry->entries[0]));
    registry->entries[i] = (struct registry_entry){command, userdata};
    registry->n++;
}

void command_register(struct command_registry *registry, const struct command *commands,
                      void *userdata)
{
    for (const struct command *command = commands; command->name; command++) {
        register_one(registry, command, userdata);
    }
}

void command_registry_on_change(struct command_registry *registry, void (*changed)(void *userdata),
                                void *userdata)
{
    registry->changed = changed;
    registry->changed_userdata = userdata;
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

const struct command *command_registry_next(const struct command_registry *registry, size_t *state)
{
    return *state < registry->n ? registry->entries[(*state)++].command : NULL;
}

const struct command *command_registry_find(const struct command_registry *registry,
                                            const char *name)
{
    const struct registry_entry *entry = find_entry(registry, name);

    return entry ? entry->command : NULL;
}

const struct command *command_registry_find_method(const struct command_registry *registry,
                                                   const char *method)
{
    for (size_t i = 0; i < registry->n; i++) {
        const struct command *command = registry->entries[i].command;

        if (command->method && !strcmp(command->method, method)) {
            return command;
        }
    }
    return NULL;
}

bool command_has_arg(const struct command *command, const char *name)
{
    for (const struct command_arg *arg = command->args; arg->name; arg++) {
        if (!strcmp(arg->name, name)) {
            return true;
        }
    }
    return false;
}

void command_registry_list(const struct command_registry *registry, struct buf *text)
{
    buf_puts(text, "The available commands are:\n");
    for (size_t i = 0; i < registry->n; i++) {
        buf_printf(text, "  %-23s %s\n", registry->entries[i].command->name,
                   registry->entries[i].command->usage);
    }
}

void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv)
{
    const struct registry_entry *entry = find_entry(registry, argv[0]);
    const struct command *command = entry ? entry->command : NULL;
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
        call->done(call, COMMAND_DENIED, error, NULL);
    } else {
        call->command = command;
        call->changes = command->reads ? NULL : registry;
        command->run(call, argc, argv, entry->userdata);
    }
}

// Answers the call. The function for changes is called for a failed command too, as it may have
// changed something before it failed.
static void answer_call(struct command_call *call, enum command_outcome outcome, const char *text,
                        json_t *reply)
{
    const struct command_registry *registry = call->changes;

    if (registry && registry->changed) {
        registry->changed(registry->changed_userdata);
    }
    call->done(call, outcome, text, reply);
    json_decref(reply);
}

void command_reply_value(struct command_call *call, json_t *reply, command_print *print)
{
    _cleanup_buf_ struct buf text = {0};

    assert(call->command && call->command->method);
    assert(reply_has_type(reply, call->command->result));
    print(reply, &text);
    answer_call(call, COMMAND_DONE, buf_cstr(&text), reply);
}

void command_reply(struct command_call *call, const char *text)
{
    const struct command *command = call->command;
    json_t *reply = NULL;

    if (command->method) {
        assert(command->result || !text[0]);
        reply = command->result ? json_pack("{so}", command->result->name, reply_text(text))
                                : json_object();
        assert(reply_has_type(reply, command->result));
    }
    answer_call(call, COMMAND_DONE, text, reply);
}

void command_reply_error(struct command_call *call, const char *text)
{
    answer_call(call, COMMAND_FAILED, text, NULL);
}

void command_reply_failure(struct command_call *call, struct failure *failure)
{
    if (failure) {
        command_reply_error(call, failure_text(failure));
    } else {
        command_reply(call, "");
    }
    failure_free(failure);
}

void command_argv_free(char **argv)
{
    for (char **arg = argv; arg && *arg; arg++) {
        free(*arg);
    }
    free(argv);
}
