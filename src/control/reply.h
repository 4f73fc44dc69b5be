// SPDX-License-Identifier: Apache-2.0
// Replies of commands: JSON objects that have the members of a declared type. The functions that
// print them as ovs-appctl shows them are command_print functions (command.h).
#pragma once

#include "control/command.h"

// True if `reply` is an object with exactly the members of `fields`, each of its type, except that
// optional ones may be missing. O(reply).
bool reply_has_type(const json_t *reply, const struct command_field *fields);

// For a reply whose only member is an array of strings: one line for each.
void reply_print_lines(const json_t *reply, struct buf *text);
// For a reply whose only member is a FIELD_COUNTERS: "a:1 b:2", sorted by name.
void reply_print_counters(const json_t *reply, struct buf *text);
// For a reply whose only member is an integer.
void reply_print_integer(const json_t *reply, struct buf *text);

// A new JSON string for a reply. Text that is not UTF-8 (a file name, say) has "?" in the place of
// each byte that is not ASCII.
json_t *reply_text(const char *text);
// The member `name` of an object; it must be there and have this type.
const char *reply_string(const json_t *object, const char *name);
long long reply_integer(const json_t *object, const char *name);
double reply_real(const json_t *object, const char *name);
// NULL if it is missing.
const char *reply_optional_string(const json_t *object, const char *name);
