// SPDX-License-Identifier: Apache-2.0
#include "control/reply.h"

#include <assert.h>
#include <string.h>

static bool is_array_of(const json_t *array, bool (*is_item)(const json_t *item, const void *arg),
                        const void *arg)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(array)) {
        return false;
    }
    json_array_foreach(array, i, item)
    {
        if (!is_item(item, arg)) {
            return false;
        }
    }
    return true;
}

static bool is_string(const json_t *value, const void *arg)
{
    return json_is_string(value);
}

static bool is_record(const json_t *value, const void *fields)
{
    return reply_has_type(value, fields);
}

static bool are_counters(json_t *object)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object)) {
        return false;
    }
    json_object_foreach(object, name, value)
    {
        if (!json_is_integer(value)) {
            return false;
        }
    }
    return true;
}

static bool field_has_type(json_t *value, const struct command_field *field)
{
    switch (field->kind) {
    case FIELD_STRING:
        return json_is_string(value);
    case FIELD_INTEGER:
        return json_is_integer(value);
    case FIELD_REAL:
        return json_is_real(value);
    case FIELD_BOOLEAN:
        return json_is_boolean(value);
    case FIELD_STRINGS:
        return is_array_of(value, is_string, NULL);
    case FIELD_COUNTERS:
        return are_counters(value);
    case FIELD_RECORDS:
        return is_array_of(value, is_record, field->fields);
    case FIELD_N_KINDS:
        break;
    }
    return false;
}

bool reply_has_type(const json_t *reply, const struct command_field *fields)
{
    size_t n = 0;

    if (!json_is_object(reply)) {
        return false;
    }
    for (const struct command_field *field = fields; field && field->name; field++) {
        json_t *value = json_object_get(reply, field->name);

        if (value ? !field_has_type(value, field) : !field->is_optional) {
            return false;
        }
        n += value != NULL;
    }
    return n == json_object_size(reply);
}

// Returns the value of the only member of a reply.
static json_t *only_member(const json_t *reply)
{
    assert(json_object_size(reply) == 1);
    return json_object_iter_value(json_object_iter((json_t *)(uintptr_t)reply));
}

void reply_print_lines(const json_t *reply, struct buf *text)
{
    const json_t *line;
    size_t i;

    json_array_foreach(only_member(reply), i, line)
    {
        buf_printf(text, "%s\n", json_string_value(line));
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void reply_print_counters(const json_t *reply, struct buf *text)
{
    json_t *counters = only_member(reply);
    _cleanup_free_ const char **names = NEW_ARRAY(const char *, json_object_size(counters) + 1);
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach(counters, name, value)
    {
        names[n++] = name;
    }
    qsort(names, n, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < n; i++) {
        buf_printf(text, "%s%s:%lld", i ? " " : "", names[i], reply_integer(counters, names[i]));
    }
}

void reply_print_integer(const json_t *reply, struct buf *text)
{
    buf_printf(text, "%lld", (long long)json_integer_value(only_member(reply)));
}

json_t *reply_text(const char *text)
{
    json_t *string = json_string(text);

    if (!string) {
        _cleanup_free_ char *ascii = xstrdup(text);

        for (char *c = ascii; *c; c++) {
            *c = *c & 0x80 ? '?' : *c;
        }
        string = json_string(ascii);
    }
    return string;
}

const char *reply_string(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert(text);
    return text;
}

long long reply_integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert(json_is_integer(value));
    return json_integer_value(value);
}

double reply_real(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert(json_is_real(value));
    return json_real_value(value);
}

const char *reply_optional_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}
