// SPDX-License-Identifier: Apache-2.0
#include "control/interface.h"

#include <assert.h>
#include <string.h>

static const char service_description[] =
    "# The methods of every varlink service\n"
    "interface " INTERFACE_SERVICE
    "\n\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n  product: string,\n  version: string,\n  url: string,\n"
    "  interfaces: []string\n)\n\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
    "error InterfaceNotFound (interface: string)\n\n"
    "error MethodNotFound (method: string)\n\n"
    "error MethodNotImplemented (method: string)\n\n"
    "error InvalidParameter (parameter: string)\n\n"
    "error PermissionDenied ()\n";

static const char *const arg_types[] = {
    [ARG_STRING] = "string", [ARG_STRINGS] = "?[]string", [ARG_OPTIONAL_STRING] = "?string",
    [ARG_INTEGER] = "int",   [ARG_ON_OFF] = "bool",
};

static const char *const field_types[] = {
    [FIELD_STRING] = "string", [FIELD_INTEGER] = "int",      [FIELD_REAL] = "float",
    [FIELD_BOOLEAN] = "bool",  [FIELD_STRINGS] = "[]string", [FIELD_COUNTERS] = "[string]int",
    [FIELD_RECORDS] = NULL, // "[](members)"
};

static_assert(ARRAY_SIZE(arg_types) == ARG_N_KINDS, "every kind of argument has a type");
static_assert(ARRAY_SIZE(field_types) == FIELD_N_KINDS, "every kind of member has a type");

static void describe_fields(const struct command_field *fields, struct buf *text)
{
    for (const struct command_field *field = fields; field && field->name; field++) {
        buf_printf(text, "%s%s: %s", field == fields ? "" : ", ", field->name,
                   field->is_optional ? "?" : "");
        if (field->kind == FIELD_RECORDS) {
            buf_puts(text, "[](");
            describe_fields(field->fields, text);
            buf_putc(text, ')');
        } else {
            buf_puts(text, field_types[field->kind]);
        }
    }
}

static void describe_method(const struct command *command, struct buf *text)
{
    buf_printf(text, "# The command %s\nmethod %s(", command->name, command->method);
    for (const struct command_arg *arg = command->args; arg->name; arg++) {
        buf_printf(text, "%s%s: %s", arg == command->args ? "" : ", ", arg->name,
                   arg_types[arg->kind]);
    }
    buf_puts(text, ") -> (");
    describe_fields(command->result, text);
    buf_puts(text, ")\n\n");
}

static void describe_control(const struct command_registry *registry, struct buf *text)
{
    size_t state = 0;
    const struct command *command;

    buf_printf(text,
               "# The management commands of this server\n"
               "# Version %d, raised with every change of this interface\n"
               "interface " INTERFACE_CONTROL "\n\n",
               INTERFACE_VERSION);
    while ((command = command_registry_next(registry, &state))) {
        if (command->method) {
            describe_method(command, text);
        }
    }
    buf_puts(text,
             "# Any command, as ovs-appctl runs it\n"
             "method Run(command: string, arguments: ?[]string) -> (text: string)\n\n"
             "# The command was refused or has failed\n"
             "error Failed (message: string)\n");
}

bool interface_describe(const struct command_registry *registry, const char *name, struct buf *text)
{
    if (!strcmp(name, INTERFACE_SERVICE)) {
        buf_puts(text, service_description);
        return true;
    }
    if (!strcmp(name, INTERFACE_CONTROL)) {
        describe_control(registry, text);
        return true;
    }
    return false;
}
