// SPDX-License-Identifier: Apache-2.0
// A slot holds the only item with its hash or, with the lowest bit set, a group: a hash table with
// two or more items by address.
#include "engine/multimap.h"

#include "basic/alloc.h"
#include "basic/hash.h"

#include <assert.h>

static struct htable *group_of(void *slot)
{
    return (uintptr_t)slot & 1 ? (struct htable *)((uintptr_t)slot & ~(uintptr_t)1) : NULL;
}

static uint64_t address_hash(const void *item)
{
    return hash_mix((uintptr_t)item);
}

static void *find_slot(const struct multimap *map, uint64_t hash)
{
    size_t state = 0;

    return htable_next_with_hash(&map->groups, hash, &state);
}

static bool group_has(const struct htable *group, const void *item)
{
    void *other;

    HTABLE_FOREACH_WITH_HASH(other, group, address_hash(item))
    {
        if (other == item) {
            return true;
        }
    }
    return false;
}

static void group_free(struct htable *group)
{
    htable_done(group);
    free(group);
}

void multimap_done(struct multimap *map)
{
    void *slot;

    HTABLE_FOREACH(slot, &map->groups)
    {
        struct htable *group = group_of(slot);

        if (group) {
            group_free(group);
        }
    }
    htable_done(&map->groups);
    map->n = 0;
}

bool multimap_add(struct multimap *map, uint64_t hash, void *item)
{
    void *slot = find_slot(map, hash);
    struct htable *group = group_of(slot);

    assert(item && !((uintptr_t)item & 1));
    if (!slot) {
        htable_insert(&map->groups, hash, item);
    } else if (!group) {
        if (slot == item) {
            return false;
        }
        group = NEW(struct htable);
        assert(!((uintptr_t)group & 1));
        htable_insert(group, address_hash(slot), slot);
        htable_insert(group, address_hash(item), item);
        htable_replace(&map->groups, hash, slot, (void *)((uintptr_t)group | 1));
    } else {
        if (group_has(group, item)) {
            return false;
        }
        htable_insert(group, address_hash(item), item);
    }
    map->n++;
    return true;
}

bool multimap_remove(struct multimap *map, uint64_t hash, void *item)
{
    void *slot = find_slot(map, hash);
    struct htable *group = group_of(slot);

    if (group) {
        if (!htable_remove(group, address_hash(item), item)) {
            return false;
        }
        assert(group->n);
        if (group->n == 1) {
            size_t state = 0;

            htable_replace(&map->groups, hash, slot, htable_next(group, &state));
            group_free(group);
        }
    } else if (!slot || slot != item) {
        return false;
    } else {
        htable_remove(&map->groups, hash, item);
    }
    assert(map->n);
    map->n--;
    return true;
}

size_t multimap_count(const struct multimap *map, uint64_t hash)
{
    void *slot = find_slot(map, hash);
    struct htable *group = group_of(slot);

    return group ? group->n : slot ? 1 : 0;
}

void multimap_start(const struct multimap *map, uint64_t hash, struct multimap_cursor *cursor)
{
    void *slot = find_slot(map, hash);

    cursor->group = group_of(slot);
    cursor->single = cursor->group ? NULL : slot;
    cursor->state = 0;
}

void *multimap_next(struct multimap_cursor *cursor)
{
    if (cursor->group) {
        return htable_next(cursor->group, &cursor->state);
    }
    return TAKE_PTR(cursor->single);
}
