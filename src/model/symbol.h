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

// A zeroed struct is an empty table.
struct symbol_table {
    struct htable by_name;
};

void symbol_table_done(struct symbol_table *table);
// Returns the symbol called `name`. Creates it with a random UUID if there is none. The table owns
// it.
struct symbol *symbol_table_get(struct symbol_table *table, struct slice name);
