// SPDX-License-Identifier: Apache-2.0
// The databases of a source: the rows of its _Server database or, with older servers, the reply to
// list_dbs.
#pragma once

#include "basic/buf.h"
#include "basic/slice.h"
#include "basic/uuid.h"

#include <stddef.h>

struct catalog_entry {
    struct uuid row; // in _Server; UUID_ZERO: from list_dbs
    char *name;
    struct buf schema; // JSON text; empty: not known
    bool is_connected;
    struct uuid cid;         // of the cluster that serves the database; UUID_ZERO: none
    int64_t index;           // of the last log entry that the server has applied; 0: none
    bool is_requested;       // get_schema has been sent
    bool has_changed_schema; // since catalog_settle()
};

// A zeroed struct is an empty catalog.
struct catalog {
    struct catalog_entry *entries;
    size_t n, capacity;
    struct buf scratch;
};

void catalog_done(struct catalog *catalog); // empty afterwards
struct catalog_entry *catalog_find(const struct catalog *catalog, struct slice name); // or NULL
// Applies the <table-updates> of a "monitor" of the columns "name", "schema", "connected", "cid"
// and "index" of _Server. False if they are malformed.
bool catalog_apply(struct catalog *catalog, struct slice updates);
// Adds the names of a reply to list_dbs. False if it is malformed.
bool catalog_add_names(struct catalog *catalog, struct slice names);
void catalog_set_schema(struct catalog_entry *entry, struct slice schema);
// Forgets which schemas have changed.
void catalog_settle(struct catalog *catalog);
