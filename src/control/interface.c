// SPDX-License-Identifier: Apache-2.0
#include "control/interface.h"

#include <stdlib.h>
#include <string.h>

static const char service_description[] =
    "# What every varlink service answers\n"
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
    [ARG_STRING] = "string",
    [ARG_STRINGS] = "?[]string",
    [ARG_INTEGER] = "int",
    [ARG_ON_OFF] = "bool",
};

static const char *const reply_types[] = {
    [REPLY_NOTHING] = NULL,  [REPLY_TEXT] = "string",    [REPLY_WORD] = "string",
    [REPLY_INTEGER] = "int", [REPLY_LINES] = "[]string", [REPLY_COUNTERS] = "[string]int",
};

static const char *const field_types[] = {
    [FIELD_STRING] = "string",
    [FIELD_STRINGS] = "[]string",
    [FIELD_INTEGER] = "int",
};

static void describe_fields(const struct command_field *fields, struct buf *text)
{
    for (const struct command_field *field = fields; field->name; field++) {
        buf_printf(text, "%s%s: %s%s", field == fields ? "" : ", ", field->name,
                   field->is_optional ? "?" : "", field_types[field->kind]);
    }
}

static void describe_reply(const struct command_type *type, struct buf *text)
{
    if (type->reply == REPLY_RECORD) {
        describe_fields(type->fields, text);
    } else if (type->reply == REPLY_ROWS || type->reply == REPLY_BLOCKS) {
        buf_printf(text, "%s: [](", type->result);
        describe_fields(type->fields, text);
        buf_putc(text, ')');
    } else if (reply_types[type->reply]) {
        buf_printf(text, "%s: %s", type->result, reply_types[type->reply]);
    }
}

static void describe_method(const struct command *command, struct buf *text)
{
    const struct command_type *type = command->type;

    buf_printf(text, "# The command %s\nmethod %s(", command->name, type->method);
    for (const struct command_arg *arg = type->args; arg->name; arg++) {
        buf_printf(text, "%s%s: %s", arg == type->args ? "" : ", ", arg->name,
                   arg_types[arg->kind]);
    }
    buf_puts(text, ") -> (");
    describe_reply(type, text);
    buf_puts(text, ")\n\n");
}

static void describe_control(const struct command_registry *registry, struct buf *text)
{
    size_t state = 0;
    const struct command *command;

    buf_puts(text, "# The management commands of this server\ninterface " INTERFACE_CONTROL "\n\n");
    while ((command = command_registry_next(registry, &state))) {
        if (command->type) {
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

// Calls `put` for each part between separators that is not empty.
static void for_each(const char *text, const char *separators, json_t *into,
                     void (*put)(json_t *into, char *part))
{
    _cleanup_free_ char *copy = xstrdup(text);
    char *rest = copy;
    char *part;

    while ((part = strsep(&rest, separators))) {
        if (part[0]) {
            put(into, part);
        }
    }
}

static void put_line(json_t *into, char *part)
{
    json_array_append_new(into, json_string(part));
}

// "name:3"
static void put_counter(json_t *into, char *part)
{
    char *colon = strrchr(part, ':');

    if (colon) {
        *colon = '\0';
        json_object_set_new(into, part, json_integer(strtoll(colon + 1, NULL, 10)));
    }
}

static json_t *field_value(enum command_field_kind kind, const char *text)
{
    json_t *array;

    switch (kind) {
    case FIELD_STRING:
        break;
    case FIELD_INTEGER:
        return json_integer(strtoll(text, NULL, 10));
    case FIELD_STRINGS:
        array = json_array();
        for_each(text, " ,", array, put_line);
        return array;
    }
    return json_string(text);
}

// Lines "name: text"; a line whose name is no field's is not for the record.
static json_t *record_of(const struct command_field *fields, const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text);
    json_t *record = json_object();
    char *rest = copy;
    char *line;

    while ((line = strsep(&rest, "\n"))) {
        char *colon = strstr(line, ": ");
        const struct command_field *field = fields;

        if (!colon) {
            continue;
        }
        *colon = '\0';
        while (field->name && strcmp(field->name, line)) {
            field++;
        }
        if (field->name) {
            json_object_set_new(record, line, field_value(field->kind, colon + 2));
        }
    }
    return record;
}

static json_t *blocks_of(const struct command_field *fields, const char *text)
{
    json_t *records = json_array();

    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t size = end ? (size_t)(end - text) : strlen(text);
        _cleanup_free_ char *block = xstrndup(text, size);

        json_array_append_new(records, record_of(fields, block));
        text += size + (end ? 2 : 0);
    }
    return records;
}

static json_t *row_of(const struct command_field *fields, char *line)
{
    json_t *row = json_object();
    char *word;

    for (const struct command_field *field = fields; field->name && line; field++) {
        do {
            word = strsep(&line, " ");
        } while (word && !word[0]);
        if (word) {
            json_object_set_new(row, field->name, field_value(field->kind, word));
        }
    }
    return row;
}

static json_t *rows_of(const struct command_field *fields, const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text);
    json_t *rows = json_array();
    bool in_heading = true;
    char *rest = copy;
    char *line;

    while ((line = strsep(&rest, "\n"))) {
        if (!in_heading && line[0]) {
            json_array_append_new(rows, row_of(fields, line));
        }
        in_heading = in_heading && line[strspn(line, " -")];
    }
    return rows;
}

static const char *word_of(const char *text)
{
    const char *colon = strstr(text, ": ");

    return colon ? colon + 2 : text;
}

static json_t *value_of(const struct command_type *type, const char *text)
{
    json_t *value = NULL;

    switch (type->reply) {
    case REPLY_NOTHING:
    case REPLY_RECORD:
        break;
    case REPLY_TEXT:
        value = json_string(text);
        break;
    case REPLY_INTEGER:
        value = field_value(FIELD_INTEGER, text);
        break;
    case REPLY_WORD:
        value = json_string(word_of(text));
        break;
    case REPLY_LINES:
        value = json_array();
        for_each(text, "\n", value, put_line);
        break;
    case REPLY_COUNTERS:
        value = json_object();
        for_each(text, " \n", value, put_counter);
        break;
    case REPLY_BLOCKS:
        value = blocks_of(type->fields, text);
        break;
    case REPLY_ROWS:
        value = rows_of(type->fields, text);
        break;
    }
    return value;
}

json_t *interface_reply(const struct command_type *type, const char *text)
{
    json_t *value = value_of(type, text);
    json_t *parameters;

    if (type->reply == REPLY_RECORD) {
        return record_of(type->fields, text);
    }
    parameters = json_object();
    if (value) {
        json_object_set_new(parameters, type->result, value);
    }
    return parameters;
}
