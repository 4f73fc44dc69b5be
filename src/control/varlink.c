// SPDX-License-Identifier: Apache-2.0
// The varlink dialect: {"method":"INTERFACE.METHOD","parameters":{...}} and its answer. A NUL ends
// each message. The methods are those of the registered commands (command.h), and Run, which runs
// any command.
#include "config.h"
#include "control/call.h"
#include "control/dialect.h"
#include "control/interface.h"
#include "control/reply.h"
#include "json/tree.h"

#include <assert.h>
#include <string.h>

struct varlink {
    const struct command_registry *registry;
    size_t seen; // bytes of the current message
    bool oneway;
    bool more;
    bool is_run; // the current call is of the method Run
};

static const struct command run_method = {
    .method = "Run", .args = {{"command", ARG_STRING}, {"arguments", ARG_STRINGS}}};

static void *varlink_new(const struct command_registry *registry)
{
    struct varlink *varlink = NEW(struct varlink);

    varlink->registry = registry;
    return varlink;
}

static enum dialect_status varlink_scan(void *state, struct slice unseen, size_t *ret_size,
                                        const char **ret_reason)
{
    struct varlink *varlink = state;
    const char *end = memchr(unseen.data, '\0', unseen.size);

    varlink->seen += end ? (size_t)(end - unseen.data) + 1 : unseen.size;
    if (varlink->seen > DIALECT_MAX_MESSAGE) {
        *ret_reason = "the message is too long";
        return DIALECT_ERROR;
    }
    if (!end) {
        return DIALECT_MORE;
    }
    *ret_size = varlink->seen;
    varlink->seen = 0;
    return DIALECT_MESSAGE;
}

// Puts a reply, or an error if `error` is not NULL. Takes over `parameters`.
static void put_reply(const struct varlink *varlink, struct buf *out, const char *error,
                      bool continues, json_t *parameters)
{
    _cleanup_tree_ json_t *reply = json_object();

    json_object_set_new(reply, "parameters", parameters);
    if (error) {
        json_object_set_new(reply, "error", json_string(error));
    }
    if (continues) {
        json_object_set_new(reply, "continues", json_true());
    }
    if (!varlink->oneway) {
        tree_put(out, reply);
        buf_putc(out, '\0');
    }
}

// Puts one of the errors of org.varlink.service, whose parameter `field` is `value`.
static void put_error(const struct varlink *varlink, struct buf *out, const char *error,
                      const char *field, const char *value)
{
    _cleanup_free_ char *name = xasprintf("org.varlink.service.%s", error);

    put_reply(varlink, out, name, false, json_pack("{ss}", field, value));
}

static void get_info(const struct varlink *varlink, struct buf *out)
{
    put_reply(varlink, out, NULL, false,
              json_pack("{ss ss ss ss s[ss]}", "vendor", "ovsdbd", "product", "ovsdbd", "version",
                        OVSDBD_VERSION, "url", "man:ovsdb-server(8)", "interfaces",
                        INTERFACE_SERVICE, INTERFACE_CONTROL));
}

static void get_description(const struct varlink *varlink, const json_t *parameters,
                            struct buf *out)
{
    const char *name = json_string_value(json_object_get(parameters, "interface"));
    _cleanup_buf_ struct buf text = {0};

    if (!name) {
        put_error(varlink, out, "InvalidParameter", "parameter", "interface");
    } else if (!interface_describe(varlink->registry, name, &text)) {
        put_error(varlink, out, "InterfaceNotFound", "interface", name);
    } else {
        put_reply(varlink, out, NULL, false, json_pack("{ss}", "description", buf_cstr(&text)));
    }
}

#define MAX_ARGV (DIALECT_MAX_ARGS + 4) // the command, the other arguments, a list, and NULL

static_assert(ARRAY_SIZE(run_method.args) < MAX_ARGV - DIALECT_MAX_ARGS + 1,
              "all arguments of a method fit");

struct arguments {
    char **argv;
    size_t argc;
};

static void add_text(struct arguments *arguments, const char *text)
{
    arguments->argv[arguments->argc++] = xstrdup(text);
}

// Adds the strings of an array. NULL counts as an empty array. Returns false if it is not an array
// of strings, or too long.
static bool add_strings(struct arguments *arguments, const json_t *array)
{
    size_t i;
    const json_t *item;

    if (array && (!json_is_array(array) || json_array_size(array) > DIALECT_MAX_ARGS)) {
        return false;
    }
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item)) {
            return false;
        }
        add_text(arguments, json_string_value(item));
    }
    return true;
}

static bool add_argument(struct arguments *arguments, enum command_arg_kind kind,
                         const json_t *value)
{
    switch (kind) {
    case ARG_OPTIONAL_STRING:
        if (!value || json_is_null(value)) {
            return true;
        }
        __attribute__((fallthrough));
    case ARG_STRING:
        if (!json_is_string(value)) {
            return false;
        }
        add_text(arguments, json_string_value(value));
        return true;
    case ARG_INTEGER:
        if (!json_is_integer(value)) {
            return false;
        }
        arguments->argv[arguments->argc++] =
            xasprintf("%lld", (long long)json_integer_value(value));
        return true;
    case ARG_ON_OFF:
        if (!json_is_boolean(value)) {
            return false;
        }
        add_text(arguments, json_is_true(value) ? "on" : "off");
        return true;
    case ARG_STRINGS:
        return add_strings(arguments, value);
    case ARG_N_KINDS:
        break;
    }
    return false;
}

// Collects the arguments from the parameters. Returns the name of the first parameter that is
// missing, unknown or of the wrong type; NULL if there is none.
static const char *collect_arguments(const struct command *command, json_t *parameters,
                                     struct arguments *arguments)
{
    const char *key;
    json_t *value;

    json_object_foreach(parameters, key, value)
    {
        if (!command_has_arg(command, key)) {
            return key;
        }
    }
    for (const struct command_arg *arg = command->args; arg->name; arg++) {
        if (!add_argument(arguments, arg->kind, json_object_get(parameters, arg->name))) {
            return arg->name;
        }
    }
    return NULL;
}

// Decodes a call of INTERFACE_CONTROL to a command, or answers it with an error.
static void decode_method(struct varlink *varlink, const char *full, const char *method,
                          json_t *parameters, struct dialect_request *ret, struct buf *out)
{
    const struct command *command = command_registry_find_method(varlink->registry, method);
    bool is_run = !strcmp(method, run_method.method);
    struct arguments arguments = {NEW_ARRAY(char *, MAX_ARGV), 0};
    const char *wrong;

    if (!command && !is_run) {
        free(arguments.argv);
        put_error(varlink, out, "MethodNotFound", "method", full);
        return;
    }
    varlink->is_run = is_run;
    if (!is_run) {
        add_text(&arguments, command->name);
    }
    wrong = collect_arguments(is_run ? &run_method : command, parameters, &arguments);
    if (!wrong) {
        *ret = (struct dialect_request){arguments.argv, varlink->more};
        return;
    }
    put_error(varlink, out, "InvalidParameter", "parameter", wrong);
    command_argv_free(arguments.argv);
}

static void decode_call(struct varlink *varlink, const char *full, json_t *parameters,
                        struct dialect_request *ret, struct buf *out)
{
    const char *dot = strrchr(full, '.');
    _cleanup_free_ char *interface = dot ? xstrndup(full, (size_t)(dot - full)) : xstrdup(full);

    if (!strcmp(full, INTERFACE_SERVICE ".GetInfo")) {
        get_info(varlink, out);
    } else if (!strcmp(full, INTERFACE_SERVICE ".GetInterfaceDescription")) {
        get_description(varlink, parameters, out);
    } else if (dot && !strcmp(interface, INTERFACE_CONTROL)) {
        decode_method(varlink, full, dot + 1, parameters, ret, out);
    } else if (!strcmp(interface, INTERFACE_SERVICE)) {
        put_error(varlink, out, "MethodNotFound", "method", full);
    } else {
        put_error(varlink, out, "InterfaceNotFound", "interface", interface);
    }
}

static const char *varlink_decode(void *state, struct slice message, struct dialect_request *ret,
                                  struct buf *out)
{
    struct varlink *varlink = state;
    _cleanup_free_ char *error = NULL;
    _cleanup_tree_ json_t *call =
        tree_parse((struct slice){message.data, message.size - 1}, &error);
    json_t *parameters = json_object_get(call, "parameters");
    const char *method = json_string_value(json_object_get(call, "method"));

    varlink->oneway = json_is_true(json_object_get(call, "oneway"));
    varlink->more = !varlink->oneway && json_is_true(json_object_get(call, "more"));
    if (!method) {
        return "not a varlink call";
    }
    if (parameters && !json_is_object(parameters) && !json_is_null(parameters)) {
        put_error(varlink, out, "InvalidParameter", "parameter", "parameters");
    } else if (json_is_true(json_object_get(call, "upgrade"))) {
        put_error(varlink, out, "MethodNotImplemented", "method", method);
    } else {
        decode_call(varlink, method, parameters, ret, out);
    }
    return NULL;
}

static void varlink_encode(void *state, enum command_outcome outcome, const char *text,
                           json_t *reply, bool continues, struct buf *out)
{
    struct varlink *varlink = state;

    switch (outcome) {
    case COMMAND_DONE:
        put_reply(varlink, out, NULL, continues,
                  varlink->is_run ? json_pack("{so}", "text", reply_text(text))
                                  : json_incref(reply));
        return;
    case COMMAND_FAILED:
        put_reply(varlink, out, INTERFACE_CONTROL ".Failed", false,
                  json_pack("{so}", "message", reply_text(text)));
        return;
    case COMMAND_DENIED:
        put_reply(varlink, out, INTERFACE_SERVICE ".PermissionDenied", false, json_object());
        return;
    }
}

const struct dialect dialect_varlink = {
    .name = "varlink",
    .state_new = varlink_new,
    .state_free = free,
    .scan = varlink_scan,
    .decode = varlink_decode,
    .encode = varlink_encode,
};
