// SPDX-License-Identifier: Apache-2.0
// The rows that a log has shown so far, and their names.
#pragma once

#include "basic/htable.h"
#include "basic/slice.h"

// A zeroed struct knows no row.
struct row_names {
    struct htable by_row;
};

void row_names_done(struct row_names *names);
// The name of a row as JSON text, "" if it has none; NULL if the row is not known. Valid until the
// row is noted again.
const char *row_names_find(const struct row_names *names, const char *table, const char *uuid);
// Notes a row. Its name is the string in the column "name" of `row`, if it has one.
void row_names_note(struct row_names *names, const char *table, const char *uuid, struct slice row);
void row_names_forget(struct row_names *names, const char *table, const char *uuid);
