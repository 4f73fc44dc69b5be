// SPDX-License-Identifier: Apache-2.0
// Reads the members of a JSON object one by one and detects members that nothing has read. The
// first error is stored: members_take() returns NULL from then on, and members_end() returns the
// error.
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
    MEMBER_ID = 1 << 4, // a string that is an <id>
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

// `what` names the object in errors, e.g. "a <type>". `what` and `json` must stay valid until
// members_end().
void members_begin(struct members *members, const json_t *json, const char *what);
// Returns the member, which still belongs to the object. `kinds` is a set of enum member_kinds. A
// member of another kind is an error; so is an absent one unless it is optional. The result is NULL
// then.
const json_t *members_take(struct members *members, const char *name, unsigned kinds);
// Returns the first error, or a "syntax error" if the object has members that members_take() was
// not called for, or NULL.
struct ovsdb_error *members_end(struct members *members);

// A "syntax error" with the member "syntax" from `json`.
struct ovsdb_error *error_json(const json_t *json, const char *details, ...) PRINTF_FORMAT(2, 3);
