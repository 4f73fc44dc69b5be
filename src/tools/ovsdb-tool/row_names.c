// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-tool/row_names.h"

#include "basic/alloc.h"
#include "basic/hash.h"
#include "json/cursor.h"

struct entry {
    char *key; // "TABLE UUID"
    char *name;
};

static struct entry *find(const struct row_names *names, const char *key, uint64_t *ret_hash)
{
    struct entry *entry;

    *ret_hash = hash_bytes(key, strlen(key), 0);
    HTABLE_FOREACH_WITH_HASH(entry, &names->by_row, *ret_hash)
    {
        if (!strcmp(entry->key, key)) {
            return entry;
        }
    }
    return NULL;
}

static void entry_free(struct entry *entry)
{
    free(entry->key);
    free(entry->name);
    free(entry);
}

void row_names_done(struct row_names *names)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &names->by_row)
    {
        entry_free(entry);
    }
    htable_done(&names->by_row);
}

const char *row_names_find(const struct row_names *names, const char *table, const char *uuid)
{
    _cleanup_free_ char *key = xasprintf("%s %s", table, uuid);
    uint64_t hash;
    struct entry *entry = find(names, key, &hash);

    return entry ? entry->name : NULL;
}

// The row's name as it is printed, or NULL.
static char *name_of(struct slice row)
{
    struct slice name = json_member(row, "name");

    return name.data && json_kind_of(name) == JSON_KIND_STRING ? xstrndup(name.data, name.size)
                                                               : NULL;
}

void row_names_note(struct row_names *names, const char *table, const char *uuid, struct slice row)
{
    _cleanup_free_ char *key = xasprintf("%s %s", table, uuid);
    _cleanup_free_ char *name = name_of(row);
    uint64_t hash;
    struct entry *entry = find(names, key, &hash);

    if (!entry) {
        entry = NEW(struct entry);
        entry->key = TAKE_PTR(key);
        entry->name = xstrdup("");
        htable_insert(&names->by_row, hash, entry);
    }
    if (name) {
        free(entry->name);
        entry->name = TAKE_PTR(name);
    }
}

void row_names_forget(struct row_names *names, const char *table, const char *uuid)
{
    _cleanup_free_ char *key = xasprintf("%s %s", table, uuid);
    uint64_t hash;
    struct entry *entry = find(names, key, &hash);

    if (entry) {
        htable_remove(&names->by_row, hash, entry);
        entry_free(entry);
    }
}
