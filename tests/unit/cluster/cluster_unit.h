// SPDX-License-Identifier: Apache-2.0
// Logs for the tests of the cluster layer, made of records as in a file.
#pragma once

#include "unit.h"

#include "cluster/member_log.h"
#include "json/tree.h"

// Calls `check` for each row of the array in the file `path`, which must have at least `min` rows.
void for_each_row(const char *path, size_t min, void (*check)(const json_t *row));
const char *row_text(const json_t *row, const char *member);
// Fails unless `error` is the one of the row: its member "error", which the details begin with, or
// none. Frees `error`.
void assert_error_of_row(const json_t *row, struct ovsdb_error *error);
// Adds the records of an array, the first of which is a first record.
struct ovsdb_error *make_log(const json_t *records, struct member_log **ret);
