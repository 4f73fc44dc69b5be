// SPDX-License-Identifier: Apache-2.0
// Takes the members of a JSON object one by one, and then knows whether any was left over. Errors
// are kept: after the first one every call returns NULL, and members_end() returns it.
//
//     members_begin(&m, json, "a column");
//     const json_t *type = members_take(&m, "type", MEMBER_STRING | MEMBER_OBJECT);
//     const json_t *mutable = members_take(&m, "mutable", MEMBER_BOOLEAN | MEMBER_OPTIONAL);
//     error = members_end(&m);
#pragma once

#include "model/error.h"

#include <jansson.h>

enum member_kinds {
    MEMBER_BOOLEAN = 1 << 0,
    MEMBER_INTEGER = 1 << 1,
    MEMBER_NUMBER = 1 << 2, // integers included
    MEMBER_STRING = 1 << 3,
    MEMBER_ID = 1 << 4, // a string that is a valid <id>
    MEMBER_ARRAY = 1 << 5,
    MEMBER_OBJECT = 1 << 6,
    MEMBER_ANY = 1 << 7,
    MEMBER_OPTIONAL = 1 << 8,
};

struct members {
    const json_t *json;
    const char *what;
    const char *taken[16];
    size_t n_taken;
    struct ovsdb_error *error;
};

// `what` and `json` stay the caller's until members_end().
void members_begin(struct members *members, const json_t *json, const char *what);
// The member, borrowed; NULL if it is absent or of none of `kinds`, both errors unless it is absent
// and optional.
const json_t *members_take(struct members *members, const char *name, unsigned kinds);
// The first error, else a "syntax error" if there are members that nobody has taken, else NULL.
struct ovsdb_error *members_end(struct members *members);

// A "syntax error" whose syntax is `json`.
struct ovsdb_error *error_json(const json_t *json, const char *details, ...) PRINTF_FORMAT(2, 3);
