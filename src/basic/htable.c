// SPDX-License-Identifier: Apache-2.0
#include "basic/htable.h"

#include "basic/alloc.h"

#include <assert.h>

static uint64_t slot_hash(uint64_t hash)
{
    return hash | 1;
}

static size_t home(const struct htable *table, uint64_t hash)
{
    return (hash >> 1) & (table->n_slots - 1);
}

static size_t next_slot(const struct htable *table, size_t i)
{
    return (i + 1) & (table->n_slots - 1);
}

void htable_done(struct htable *table)
{
    free(table->slots);
    *table = (struct htable){0};
}

void htable_clear(struct htable *table)
{
    htable_done(table);
}

static void place(struct htable *table, uint64_t hash, void *item)
{
    size_t i = home(table, hash);

    while (table->slots[i].hash) {
        i = next_slot(table, i);
    }
    table->slots[i] = (struct htable_slot){hash, item};
}

static void resize(struct htable *table, size_t n_slots)
{
    struct htable_slot *old = table->slots;
    size_t n_old = table->n_slots;

    table->slots = NEW_ARRAY(struct htable_slot, n_slots);
    table->n_slots = n_slots;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].hash) {
            place(table, old[i].hash, old[i].item);
        }
    }
    free(old);
}

void htable_insert(struct htable *table, uint64_t hash, void *item)
{
    // At most three quarters full: probes stay short.
    if (table->n + 1 > table->n_slots / 4 * 3) {
        resize(table, table->n_slots ? table->n_slots * 2 : 4);
    }
    place(table, slot_hash(hash), item);
    table->n++;
}

static size_t find(const struct htable *table, uint64_t hash, const void *item)
{
    if (table->n_slots) {
        for (size_t i = home(table, hash); table->slots[i].hash; i = next_slot(table, i)) {
            if (table->slots[i].item == item) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

// Closes the gap at `i`: moves back every later item of the run whose home does not lie behind it.
static void close_gap(struct htable *table, size_t i)
{
    size_t mask = table->n_slots - 1;

    for (size_t j = next_slot(table, i); table->slots[j].hash; j = next_slot(table, j)) {
        size_t want = home(table, table->slots[j].hash);

        if (((j - want) & mask) >= ((j - i) & mask)) {
            table->slots[i] = table->slots[j];
            i = j;
        }
    }
    table->slots[i] = (struct htable_slot){0};
}

bool htable_remove(struct htable *table, uint64_t hash, const void *item)
{
    size_t i = find(table, slot_hash(hash), item);

    if (i == SIZE_MAX) {
        return false;
    }
    close_gap(table, i);
    table->n--;
    if (table->n_slots > 64 && table->n < table->n_slots / 8) {
        resize(table, table->n_slots / 4);
    }
    return true;
}

void htable_replace(struct htable *table, uint64_t hash, const void *old, void *item)
{
    size_t i = find(table, slot_hash(hash), old);

    assert(i != SIZE_MAX);
    table->slots[i].item = item;
}

void *htable_next_with_hash(const struct htable *table, uint64_t hash, size_t *state)
{
    size_t start;

    if (!table->n_slots) {
        return NULL;
    }
    hash = slot_hash(hash);
    start = home(table, hash);
    for (;;) {
        struct htable_slot *slot = &table->slots[(start + *state) & (table->n_slots - 1)];

        if (!slot->hash) {
            return NULL;
        }
        ++*state;
        if (slot->hash == hash) {
            return slot->item;
        }
    }
}

void *htable_next(const struct htable *table, size_t *state)
{
    while (*state < table->n_slots) {
        struct htable_slot *slot = &table->slots[(*state)++];

        if (slot->hash) {
            return slot->item;
        }
    }
    return NULL;
}

static uint64_t reverse_bits(uint64_t x)
{
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(x);
}

// An item's place on the line: its hash with the bits in reverse order, so that the low ones, which
// say where its home is, come first. The items of one home are together then, and when the table
// doubles, a home's stretch is halved. Less than HTABLE_END, for the last bit is 0.
static uint64_t place_of(uint64_t hash)
{
    return reverse_bits(hash >> 1);
}

bool htable_is_scanned(uint64_t hash, uint64_t position)
{
    return place_of(slot_hash(hash)) < position;
}

uint64_t htable_scan(const struct htable *table, uint64_t position,
                     void (*visit)(void *userdata, void *item), void *userdata)
{
    unsigned shift;
    size_t start;
    uint64_t n_passed;

    if (!table->n || position == HTABLE_END) {
        return HTABLE_END;
    }
    shift = 64 - (unsigned)__builtin_ctzll(table->n_slots);
    n_passed = (position >> shift) + 1; // homes, this one included
    start = (size_t)reverse_bits(position >> shift << shift);
    for (size_t i = start; table->slots[i].hash; i = next_slot(table, i)) {
        const struct htable_slot *slot = &table->slots[i];

        // Items of other homes are among them, and after the table has shrunk some visited before.
        if (home(table, slot->hash) == start && place_of(slot->hash) >= position) {
            visit(userdata, slot->item);
        }
    }
    return n_passed == table->n_slots ? HTABLE_END : n_passed << shift;
}
