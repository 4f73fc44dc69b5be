// SPDX-License-Identifier: Apache-2.0
// Provides a database file with a certain schema: creates the file if it does not exist, converts
// it if its schema is older, after copying it.
#pragma once

#include "store/store.h"

// Reads a schema file. *ret is the caller's.
struct ovsdb_error *provision_read_schema(const char *path, struct schema **ret);
// Creates the file `path` unless it exists.
struct ovsdb_error *provision_create(const char *path, struct schema *schema);
// Opens the database file `path` like store_open_apart(), on any thread. `schema_path`: a schema
// file for provision_create() and provision_convert(); NULL: the file must exist.
struct ovsdb_error *provision_open(const char *path, const char *schema_path, enum store_mode mode,
                                   const struct progress *progress, struct store **ret,
                                   bool *ret_is_damaged);
// Converts the database of `store`, unless its schema is the same or has a higher version. The
// store must not be in use yet. Copies the file first to FILE.backupVERSION-CKSUM, with version and
// checksum of the former schema; ".1", ".2", ... is appended if such a file with other contents
// exists. On error nothing has changed. `progress` may be NULL. O(database).
struct ovsdb_error *provision_convert(struct store *store, struct schema *schema,
                                      const struct progress *progress);
