// SPDX-License-Identifier: Apache-2.0
#include "model/members.h"

#include "model/id.h"
#include "json/tree.h"

#include <assert.h>

struct ovsdb_error *error_json(const json_t *json, const char *details, ...)
{
    _cleanup_free_ char *syntax = tree_text(json);
    _cleanup_free_ char *text = NULL;
    va_list args;

    va_start(args, details);
    text = xvasprintf(details, args);
    va_end(args);
    return error_syntax(slice_of(syntax), "%s", text);
}

void members_begin(struct members *members, const json_t *json, const char *what)
{
    *members = (struct members){.json = json, .what = what};
    if (!json_is_object(json)) {
        members->error = error_json(json, "%s must be an object", what);
    }
}

static bool has_kind(const json_t *json, unsigned kinds)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return kinds & (MEMBER_OBJECT | MEMBER_ANY);
    case JSON_ARRAY:
        return kinds & (MEMBER_ARRAY | MEMBER_ANY);
    case JSON_STRING:
        return kinds & (MEMBER_STRING | MEMBER_ANY) ||
               (kinds & MEMBER_ID &&
                id_is_valid((struct slice){json_string_value(json), json_string_length(json)}));
    case JSON_INTEGER:
        return kinds & (MEMBER_INTEGER | MEMBER_NUMBER | MEMBER_ANY);
    case JSON_REAL:
        return kinds & (MEMBER_NUMBER | MEMBER_ANY);
    case JSON_TRUE:
    case JSON_FALSE:
        return kinds & (MEMBER_BOOLEAN | MEMBER_ANY);
    case JSON_NULL:
        break;
    }
    return kinds & MEMBER_ANY;
}

// Writes e.g. "a string or an object".
static void put_kinds(struct buf *buf, unsigned kinds)
{
    static const struct {
        unsigned kind;
        const char *text;
    } texts[] = {
        {MEMBER_BOOLEAN, "true or false"}, {MEMBER_INTEGER, "an integer"},
        {MEMBER_NUMBER, "a number"},       {MEMBER_STRING, "a string"},
        {MEMBER_ID, "a valid <id>"},       {MEMBER_ARRAY, "an array"},
        {MEMBER_OBJECT, "an object"},
    };
    const char *separator = "";

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (kinds & texts[i].kind) {
            buf_printf(buf, "%s%s", separator, texts[i].text);
            separator = " or ";
        }
    }
}

const json_t *members_take(struct members *members, const char *name, unsigned kinds)
{
    _cleanup_buf_ struct buf text = {0};
    const json_t *member;

    assert(kinds & ~(unsigned)MEMBER_OPTIONAL);
    if (members->error) {
        return NULL;
    }
    assert(members->n_taken < ARRAY_SIZE(members->taken));
    members->taken[members->n_taken++] = name;
    member = json_object_get(members->json, name);
    if (!member) {
        if (!(kinds & MEMBER_OPTIONAL)) {
            members->error =
                error_json(members->json, "%s must have the member \"%s\"", members->what, name);
        }
        return NULL;
    }
    if (!has_kind(member, kinds)) {
        put_kinds(&text, kinds);
        members->error = error_json(members->json, "the member \"%s\" of %s must be %s", name,
                                    members->what, buf_cstr(&text));
        return NULL;
    }
    return member;
}

static bool is_taken(const struct members *members, const char *name)
{
    for (size_t i = 0; i < members->n_taken; i++) {
        if (!strcmp(members->taken[i], name)) {
            return true;
        }
    }
    return false;
}

struct ovsdb_error *members_end(struct members *members)
{
    const char *first = NULL, *name;
    json_t *value;
    size_t n = 0;

    if (members->error) {
        return TAKE_PTR(members->error);
    }
    json_object_foreach((json_t *)members->json, name, value)
    {
        if (!is_taken(members, name)) {
            first = !n++ || strcmp(name, first) < 0 ? name : first;
        }
    }
    if (!n) {
        return NULL;
    }
    if (n == 1) {
        return error_json(members->json, "%s must not have the member \"%s\"", members->what,
                          first);
    }
    return error_json(members->json, "%s must not have the member \"%s\" and %zu others",
                      members->what, first, n - 1);
}
