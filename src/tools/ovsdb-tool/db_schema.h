// SPDX-License-Identifier: Apache-2.0
// Reads the schema at the beginning of a database file without loading the rest.
#pragma once

#include "model/schema.h"
#include "store/reader.h"

// Reads the next record of `reader`, which must be the first, as a schema; ends the program with a
// message if it is not one. The caller unrefs the result.
struct schema *db_schema_read(struct reader *reader);
// The schema of a database file. Ends the program with a message on failure.
struct schema *db_schema_of_file(const char *path);
// True if `path` is a clustered database, false if it is a standalone one; ends the program with a
// message if it is neither.
bool db_is_clustered(const char *path);
