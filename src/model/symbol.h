// SPDX-License-Identifier: Apache-2.0
// The named UUIDs of one transaction (RFC 7047 5.1 <named-uuid>, 5.2.1 "uuid-name").
#pragma once

#include "basic/htable.h"
#include "basic/uuid.h"

struct symbol {
    struct uuid uuid;
    bool created;    // an insert with this uuid-name has run
    bool referenced; // a value uses the name
    size_t size;     // of the name
    char name[];
};

// An empty table is zeroed but for `new_uuid`.
struct symbol_table {
    struct htable by_name;
    uuid_source *new_uuid;
};

void symbol_table_done(struct symbol_table *table);
// The symbol called `name`, made with a UUID of table->new_uuid() if there is none. Owned by the
// table.
struct symbol *symbol_table_get(struct symbol_table *table, struct slice name);
