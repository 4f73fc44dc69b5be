// SPDX-License-Identifier: Apache-2.0
// A database file that is to have a certain schema: made if it is missing, converted if its schema
// is older, after a copy of it was put aside.
#pragma once

#include "store/store.h"

// Reads a schema file.
struct ovsdb_error *provision_read_schema(const char *path, struct schema **ret);
// Makes the file `path`, unless it is there.
struct ovsdb_error *provision_create(const char *path, struct schema *schema);
// Converts what `store` holds, unless its schema is the same or has a higher version; nobody else
// may use it yet; `progress` may be NULL. The copy is FILE.backupVERSION-CKSUM, with the former
// schema's, and ".1" and so on behind it if there is such a file with other contents. On error
// nothing has changed.
// O(database).
struct ovsdb_error *provision_convert(struct store *store, struct schema *schema,
                                      const struct progress *progress);
