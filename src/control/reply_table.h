// SPDX-License-Identifier: Apache-2.0
// Replies that are lists of records. They can be sorted by a member and printed as a table with one
// column for each member.
#pragma once

#include "control/reply.h"

// Sorts `records`, objects of the type `fields`, by the member `name`: numbers in descending order,
// true before false, strings and lists of strings in ascending order, missing members last. Records
// that compare equal keep their order. Returns false and changes nothing if no member of that name
// can be sorted by. O(n log n).
bool reply_sort_records(json_t *records, const struct command_field *fields, const char *name);
// Prints a heading with the names of the members, a line of dashes, and one line for each record.
// Numbers are right-aligned; a missing member and an empty list are "-". Control characters are
// printed as "?".
void reply_print_records(const json_t *records, const struct command_field *fields,
                         struct buf *text);
// Replaces each byte of a control character (C0, DEL, C1) in UTF-8 text by "?", so that the text
// cannot control the terminal that shows it.
void reply_replace_controls(char *text);
