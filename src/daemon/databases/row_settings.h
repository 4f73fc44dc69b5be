// SPDX-License-Identifier: Apache-2.0
// Settings that users keep in the columns of a row. A column need not be there, have the right
// type, or have a value. What is returned is borrowed from the row.
#pragma once

#include "engine/row.h"

#include <stdbool.h>

const char *row_string(const struct row *row, const char *column);         // or NULL
bool row_integer(const struct row *row, const char *column, int64_t *ret); // false: none
bool row_is_true(const struct row *row, const char *column);               // false: none
const char *row_map_string(const struct row *row, const char *column, const char *key); // or NULL
