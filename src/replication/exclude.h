// SPDX-License-Identifier: Apache-2.0
// The tables that are not replicated: --sync-exclude-tables=DB:TABLE[,DB:TABLE]...
#pragma once

#include "basic/buf.h"

// A zeroed struct excludes nothing.
struct exclude {
    char **names; // "DB:TABLE", sorted, each once
    size_t n_names;
};

void exclude_done(struct exclude *exclude);
// Replaces the contents by the list `text`; "" excludes nothing. If the list is malformed, returns
// false, leaves `exclude` unchanged, and sets *ret_bad to the wrong element (caller frees).
bool exclude_parse(struct exclude *exclude, const char *text, char **ret_bad);
bool exclude_has(const struct exclude *exclude, const char *db, const char *table);
// True if all tables are of this database.
bool exclude_is_of(const struct exclude *exclude, const char *db);
// Write the list, the part of one database, or all other parts, separated by commas.
void exclude_put(const struct exclude *exclude, struct buf *buf);
void exclude_put_of(const struct exclude *exclude, const char *db, struct buf *buf);
void exclude_put_others(const struct exclude *exclude, const char *db, struct buf *buf);
