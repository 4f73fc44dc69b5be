// SPDX-License-Identifier: Apache-2.0
#include "model/symbol.h"

#include "basic/alloc.h"

void symbol_table_done(struct symbol_table *table)
{
    struct symbol *symbol;

    HTABLE_FOREACH(symbol, &table->by_name)
    {
        free(symbol);
    }
    htable_done(&table->by_name);
}

struct symbol *symbol_table_get(struct symbol_table *table, struct slice name)
{
    uint64_t hash = hash_bytes(name.data, name.size, 0);
    struct symbol *symbol;

    HTABLE_FOREACH_WITH_HASH(symbol, &table->by_name, hash)
    {
        if (slice_equals(name, (struct slice){symbol->name, symbol->size})) {
            return symbol;
        }
    }
    symbol = xcalloc(1, sizeof(*symbol) + name.size + 1);
    symbol->uuid = table->new_uuid();
    symbol->size = name.size;
    memcpy(symbol->name, name.data, name.size);
    htable_insert(&table->by_name, hash, symbol);
    return symbol;
}
