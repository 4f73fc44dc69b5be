// SPDX-License-Identifier: Apache-2.0
// Typed replies of commands: JSON objects with the members that a list of fields declares. The
// reply_print functions make the text that ovs-appctl prints (command_print, command.h).
#pragma once

#include "control/command.h"

// Returns true if `reply` is an object with exactly the members of `fields`, each of its type;
// optional ones may be missing. O(reply).
bool reply_has_type(const json_t *reply, const struct command_field *fields);

// Prints a reply whose only member is an array of strings: one line for each string.
void reply_print_lines(const json_t *reply, struct buf *text);
// Prints a reply whose only member is a FIELD_COUNTERS: "a:1 b:2", sorted by name.
void reply_print_counters(const json_t *reply, struct buf *text);
// Prints a reply whose only member is an integer.
void reply_print_integer(const json_t *reply, struct buf *text);

// Makes a JSON string of `text`. If the text is not UTF-8 (for example a file name), each byte that
// is not ASCII becomes "?".
json_t *reply_text(const char *text);
// Return the value of the member `name` of an object. It must exist and have this type (asserted).
const char *reply_string(const json_t *object, const char *name);
long long reply_integer(const json_t *object, const char *name);
double reply_real(const json_t *object, const char *name);
// Returns NULL if the member is missing.
const char *reply_optional_string(const json_t *object, const char *name);
