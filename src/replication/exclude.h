// SPDX-License-Identifier: Apache-2.0
// The tables that replication leaves alone: --sync-exclude-tables=DB:TABLE[,DB:TABLE]...
#pragma once

#include "basic/buf.h"

// A zeroed struct excludes nothing.
struct exclude {
    char **names; // "DB:TABLE", sorted, each once
    size_t n_names;
};

void exclude_done(struct exclude *exclude);
// Replaces the content by what `text` lists; "" excludes nothing. False, `exclude` unchanged, if it
// is no such list: then *ret_bad (caller frees) is the part that is wrong.
bool exclude_parse(struct exclude *exclude, const char *text, char **ret_bad);
bool exclude_has(const struct exclude *exclude, const char *db, const char *table);
// The list, separated by commas.
void exclude_put(const struct exclude *exclude, struct buf *buf);
