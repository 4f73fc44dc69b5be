// SPDX-License-Identifier: Apache-2.0
// Reads settings from the columns of a row. A column may be missing, have another type or be empty:
// the setting is then not given. Strings are borrowed from the row.
#pragma once

#include "engine/row.h"

#include <stdbool.h>

// The first value of the column. NULL or false: it is not given.
const char *row_string(const struct row *row, const char *column);
bool row_integer(const struct row *row, const char *column, int64_t *ret);
bool row_is_true(const struct row *row, const char *column);
// The value of `key` in a map of strings, or NULL.
const char *row_map_string(const struct row *row, const char *column, const char *key);
