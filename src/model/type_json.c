// SPDX-License-Identifier: Apache-2.0
// Parses and prints the <type> and <base-type> of schemas (RFC 7047 3.2).
#include "model/datum.h"
#include "model/members.h"
#include "json/number.h"
#include "json/tree.h"

#include <assert.h>
#include <float.h>

static struct slice string_slice(const json_t *string)
{
    return (struct slice){json_string_value(string), json_string_length(string)};
}

static struct ovsdb_error *atom_type_from_json(const json_t *json, enum atom_type *ret)
{
    if (!atom_type_parse(string_slice(json), ret)) {
        return error_json(json, "\"%s\" is no <atomic-type>: integer, real, boolean, string, uuid",
                          json_string_value(json));
    }
    return NULL;
}

static struct ovsdb_error *parse_enum(struct base_type *base, const json_t *json)
{
    _cleanup_free_ char *text = tree_text(json);
    _cleanup_buf_ struct buf scratch = {0};
    struct type set = {.n_min = 1, .n_max = UINT32_MAX};
    struct ovsdb_error *error;
    struct cursor cursor;
    union datum datum;

    base_type_init(&set.key, base->type);
    base_type_init(&set.value, ATOM_VOID);
    cursor_init(&cursor, slice_of(text));
    error = datum_decode(&cursor, &set, DATUM_CHECK_ALL, NULL, &scratch, &datum);
    if (error) {
        error_prefix(error, "enum: ");
        return error;
    }
    assert(datum.elems); // DATUM_CHECK_ALL: at least one value
    base->enumeration = datum.elems;
    return NULL;
}

static struct ovsdb_error *parse_integer_range(struct base_type *base, struct members *members)
{
    const json_t *min = members_take(members, "minInteger", MEMBER_INTEGER | MEMBER_OPTIONAL);
    const json_t *max = members_take(members, "maxInteger", MEMBER_INTEGER | MEMBER_OPTIONAL);

    if (min) {
        base->integer.min = json_integer_value(min);
    }
    if (max) {
        base->integer.max = json_integer_value(max);
    }
    if (base->integer.min > base->integer.max) {
        return error_json(members->json, "minInteger is greater than maxInteger");
    }
    return NULL;
}

static struct ovsdb_error *parse_real_range(struct base_type *base, struct members *members)
{
    const json_t *min = members_take(members, "minReal", MEMBER_NUMBER | MEMBER_OPTIONAL);
    const json_t *max = members_take(members, "maxReal", MEMBER_NUMBER | MEMBER_OPTIONAL);

    if (min) {
        base->real.min = json_number_value(min);
    }
    if (max) {
        base->real.max = json_number_value(max);
    }
    if (base->real.min > base->real.max) {
        return error_json(members->json, "minReal is greater than maxReal");
    }
    return NULL;
}

static struct ovsdb_error *parse_length(struct members *members, const char *name, uint32_t *ret)
{
    const json_t *json = members_take(members, name, MEMBER_INTEGER | MEMBER_OPTIONAL);
    json_int_t value;

    if (!json) {
        return NULL;
    }
    value = json_integer_value(json);
    if (value < 0 || value > UINT32_MAX) {
        return error_json(json, "%s must be in the range from 0 to %u", name, UINT32_MAX);
    }
    *ret = (uint32_t)value;
    return NULL;
}

static struct ovsdb_error *parse_lengths(struct base_type *base, struct members *members)
{
    struct ovsdb_error *error = parse_length(members, "minLength", &base->string.min);

    if (!error) {
        error = parse_length(members, "maxLength", &base->string.max);
    }
    if (!error && base->string.min > base->string.max) {
        error = error_json(members->json, "minLength is greater than maxLength");
    }
    return error;
}

static struct ovsdb_error *parse_reference(struct base_type *base, struct members *members)
{
    const json_t *table = members_take(members, "refTable", MEMBER_ID | MEMBER_OPTIONAL);
    const json_t *type;

    if (!table) {
        return NULL;
    }
    base->uuid.ref_table_name = xstrdup(json_string_value(table));
    base->uuid.ref_type = REF_STRONG;
    type = members_take(members, "refType", MEMBER_STRING | MEMBER_OPTIONAL);
    if (!type || slice_is(string_slice(type), "strong")) {
        return NULL;
    }
    if (!slice_is(string_slice(type), "weak")) {
        return error_json(members->json, "refType must be \"strong\" or \"weak\", not \"%s\"",
                          json_string_value(type));
    }
    base->uuid.ref_type = REF_WEAK;
    return NULL;
}

// Parses the constraints that the atomic type can have. "enum" excludes all others.
static struct ovsdb_error *parse_constraints(struct base_type *base, struct members *members)
{
    const json_t *enumeration = members_take(members, "enum", MEMBER_ANY | MEMBER_OPTIONAL);

    if (enumeration) {
        return parse_enum(base, enumeration);
    }
    switch (base->type) {
    case ATOM_INTEGER:
        return parse_integer_range(base, members);
    case ATOM_REAL:
        return parse_real_range(base, members);
    case ATOM_STRING:
        return parse_lengths(base, members);
    case ATOM_UUID:
        return parse_reference(base, members);
    case ATOM_BOOLEAN:
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return NULL;
}

// `base` is initialised with ATOM_VOID. The caller calls base_type_done() even after an error.
static struct ovsdb_error *base_type_from_json(struct base_type *base, const json_t *json)
{
    enum atom_type type = ATOM_VOID;
    struct ovsdb_error *error, *end_error;
    struct members members;
    const json_t *name;

    if (json_is_string(json)) {
        error = atom_type_from_json(json, &type);
        base_type_init(base, type);
        return error;
    }
    members_begin(&members, json, "a <base-type>");
    name = members_take(&members, "type", MEMBER_STRING);
    if (!name) {
        return members_end(&members);
    }
    error = atom_type_from_json(name, &type);
    if (error) {
        return error;
    }
    base_type_init(base, type);
    error = parse_constraints(base, &members);
    end_error = members_end(&members);
    if (error) {
        error_free(end_error);
        return error;
    }
    return end_error;
}

static struct ovsdb_error *parse_n(struct members *members, const char *name, uint32_t *ret)
{
    unsigned unlimited = strcmp(name, "max") ? 0 : MEMBER_STRING;
    const json_t *json = members_take(members, name, MEMBER_INTEGER | MEMBER_OPTIONAL | unlimited);
    json_int_t value;

    if (!json) {
        return NULL;
    }
    if (json_is_string(json)) {
        if (!slice_is(string_slice(json), "unlimited")) {
            return error_json(json, "\"max\" must be an integer or \"unlimited\"");
        }
        *ret = UINT32_MAX;
        return NULL;
    }
    value = json_integer_value(json);
    if (value < 0 || value >= UINT32_MAX) {
        return error_json(json, "\"%s\" is out of range", name);
    }
    *ret = (uint32_t)value;
    return NULL;
}

static struct ovsdb_error *parse_bounds(struct type *type, struct members *members)
{
    struct ovsdb_error *error = parse_n(members, "min", &type->n_min);

    if (!error) {
        error = parse_n(members, "max", &type->n_max);
    }
    if (!error && type->n_min > 1) {
        error = error_json(members->json, "\"min\" must be 0 or 1");
    }
    if (!error && (!type->n_max || type->n_max < type->n_min)) {
        error = error_json(members->json, "\"max\" must be at least 1");
    }
    return error;
}

static struct ovsdb_error *parse_members(struct type *type, struct members *members)
{
    const json_t *key = members_take(members, "key", MEMBER_STRING | MEMBER_OBJECT);
    const json_t *value =
        members_take(members, "value", MEMBER_STRING | MEMBER_OBJECT | MEMBER_OPTIONAL);
    struct ovsdb_error *error;

    if (!key) {
        return NULL; // members_end() returns the error
    }
    error = base_type_from_json(&type->key, key);
    if (error) {
        error_prefix(error, "key: ");
        return error;
    }
    error = value ? base_type_from_json(&type->value, value) : NULL;
    if (error) {
        error_prefix(error, "value: ");
        return error;
    }
    return parse_bounds(type, members);
}

struct ovsdb_error *type_from_json(const json_t *json, struct type *ret)
{
    struct type type = {.n_min = 1, .n_max = 1};
    struct ovsdb_error *error, *end_error;
    struct members members;

    base_type_init(&type.key, ATOM_VOID);
    base_type_init(&type.value, ATOM_VOID);
    if (json_is_string(json)) {
        error = base_type_from_json(&type.key, json);
    } else {
        members_begin(&members, json, "a <type>");
        error = parse_members(&type, &members);
        end_error = members_end(&members);
        if (error) {
            error_free(end_error);
        } else {
            error = end_error;
        }
    }
    if (error) {
        type_done(&type);
        return error;
    }
    *ret = type;
    return NULL;
}

static json_t *real_to_json(double real)
{
    int64_t integer;

    return number_real_to_integer(real, &integer) ? json_integer(integer) : json_real(real);
}

static void enum_to_json(json_t *object, const struct base_type *base)
{
    struct type set = {.key.type = base->type, .n_min = 1, .n_max = UINT32_MAX};
    _cleanup_buf_ struct buf buf = {0};

    datum_put(&buf, (union datum){.elems = base->enumeration}, &set);
    json_object_set_new(object, "enum", tree_from_text(buf_slice(&buf)));
}

static void range_to_json(json_t *object, const struct base_type *base)
{
    switch (base->type) {
    case ATOM_INTEGER:
        if (base->integer.min != INT64_MIN) {
            json_object_set_new(object, "minInteger", json_integer(base->integer.min));
        }
        if (base->integer.max != INT64_MAX) {
            json_object_set_new(object, "maxInteger", json_integer(base->integer.max));
        }
        break;
    case ATOM_REAL:
        if (base->real.min != -DBL_MAX) {
            json_object_set_new(object, "minReal", real_to_json(base->real.min));
        }
        if (base->real.max != DBL_MAX) {
            json_object_set_new(object, "maxReal", real_to_json(base->real.max));
        }
        break;
    case ATOM_STRING:
        if (base->string.min) {
            json_object_set_new(object, "minLength", json_integer(base->string.min));
        }
        if (base->string.max != UINT32_MAX) {
            json_object_set_new(object, "maxLength", json_integer(base->string.max));
        }
        break;
    case ATOM_UUID:
        if (base->uuid.ref_table_name) {
            json_object_set_new(object, "refTable", json_string(base->uuid.ref_table_name));
        }
        if (base->uuid.ref_type == REF_WEAK) {
            json_object_set_new(object, "refType", json_string("weak"));
        }
        break;
    case ATOM_BOOLEAN:
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
}

static json_t *base_type_to_json(const struct base_type *base)
{
    json_t *object = json_object();

    if (base->enumeration) {
        enum_to_json(object, base);
    } else {
        range_to_json(object, base);
    }
    if (!json_object_size(object)) {
        json_decref(object);
        return atom_type_to_json(base->type);
    }
    json_object_set_new(object, "type", atom_type_to_json(base->type));
    return object;
}

json_t *type_to_json(const struct type *type)
{
    json_t *key = base_type_to_json(&type->key);
    json_t *object;

    if (type_is_scalar(type) && json_is_string(key)) {
        return key;
    }
    object = json_object();
    json_object_set_new(object, "key", key);
    if (type_is_map(type)) {
        json_object_set_new(object, "value", base_type_to_json(&type->value));
    }
    if (type->n_min != 1) {
        json_object_set_new(object, "min", json_integer(type->n_min));
    }
    if (type->n_max == UINT32_MAX) {
        json_object_set_new(object, "max", json_string("unlimited"));
    } else if (type->n_max != 1) {
        json_object_set_new(object, "max", json_integer(type->n_max));
    }
    return object;
}
