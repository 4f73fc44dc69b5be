// SPDX-License-Identifier: Apache-2.0
#include "basic/htable.h"

#include "basic/alloc.h"

#include <assert.h>

// An array of fewer slots than this is replaced in one step.
#define LARGE 4096
// How many slots each insertion and removal moves while a table is resized. The old array must be
// empty before the next resize begins. The worst case is a table that has just shrunk to a quarter
// of its slots, half of them in use: it grows again after a sixteenth as many insertions as the old
// array has slots. So 16 would be enough.
#define MOVED_EACH 32
static_assert(MOVED_EACH >= 16, "the old array is empty before the next resize");

// The old array of a table that is being resized. The slots before `n_moved` are empty. A "run" is
// a sequence of used slots that an empty slot ends.
struct htable_left {
    struct htable_slots from;
    size_t n_moved;
};

static uint64_t slot_hash(uint64_t hash)
{
    return hash | 1;
}

// The slot where the search for `hash` starts.
static size_t home(const struct htable_slots *array, uint64_t hash)
{
    return (hash >> 1) & (array->n - 1);
}

static size_t next_slot(const struct htable_slots *array, size_t i)
{
    return (i + 1) & (array->n - 1);
}

static struct htable_slots slots_new(size_t n)
{
    assert(n && !(n & (n - 1))); // home() masks
    return (struct htable_slots){
        .n = n,
        .slots = n < LARGE ? NEW_ARRAY(struct htable_slot, n)
                           : zero_pages_new(n * sizeof(struct htable_slot)),
    };
}

static void slots_free(struct htable_slots *array)
{
    if (array->n < LARGE) {
        free(array->slots);
    } else {
        zero_pages_free(array->slots, array->n * sizeof(struct htable_slot));
    }
}

void htable_done(struct htable *table)
{
    if (table->left) {
        slots_free(&table->left->from);
        free(table->left);
    }
    slots_free(&table->now);
    *table = (struct htable){0};
}

static void slots_place(struct htable_slots *array, uint64_t hash, void *item)
{
    size_t i = home(array, hash);

    assert(hash & 1);
    while (array->slots[i].hash) {
        i = next_slot(array, i);
    }
    array->slots[i] = (struct htable_slot){hash, item};
}

// Moves the items of the next `n` slots and of the rest of the run there, so that searches in the
// old array still find the items that stay. Returns false if the old array is empty.
static bool slots_move(struct htable_left *left, struct htable_slots *to, size_t n)
{
    const struct htable_slots *from = &left->from;
    size_t limit = left->n_moved + MIN(n, from->n - left->n_moved);

    while (left->n_moved < from->n && (left->n_moved < limit || from->slots[left->n_moved].hash)) {
        struct htable_slot *slot = &from->slots[left->n_moved++];

        if (slot->hash) {
            slots_place(to, slot->hash, slot->item);
            *slot = (struct htable_slot){0};
        }
    }
    return left->n_moved < from->n;
}

static void resize_step(struct htable *table, size_t n)
{
    if (table->left && !slots_move(table->left, &table->now, n)) {
        slots_free(&table->left->from);
        free(TAKE_PTR(table->left));
    }
}

static void resize_begin(struct htable *table, size_t n_slots)
{
    struct htable_left left = {0};

    assert(n_slots / 4 * 3 > table->n);
    resize_step(table, SIZE_MAX);
    left.from = table->now;
    table->now = slots_new(n_slots);
    if (left.from.n >= LARGE) {
        table->left = xmemdup(&left, sizeof(left));
    } else {
        slots_move(&left, &table->now, SIZE_MAX);
        slots_free(&left.from);
    }
}

void htable_insert(struct htable *table, uint64_t hash, void *item)
{
    assert(item);
    // At most three quarters of the slots are used, so that searches are short.
    if (table->n + 1 > table->now.n / 4 * 3) {
        resize_begin(table, table->now.n ? table->now.n * 2 : 4);
    }
    resize_step(table, MOVED_EACH);
    slots_place(&table->now, slot_hash(hash), item);
    table->n++;
}

static struct htable_slot *slots_find(const struct htable_slots *array, uint64_t hash,
                                      const void *item)
{
    if (array->n) {
        for (size_t i = home(array, hash); array->slots[i].hash; i = next_slot(array, i)) {
            if (array->slots[i].item == item) {
                return &array->slots[i];
            }
        }
    }
    return NULL;
}

// Empties slot `i` and moves later items of the run into the gap, so that every item can still be
// reached from its home without crossing an empty slot.
static void close_gap(struct htable_slots *array, size_t i)
{
    size_t mask = array->n - 1;

    for (size_t j = next_slot(array, i); array->slots[j].hash; j = next_slot(array, j)) {
        size_t want = home(array, array->slots[j].hash);

        if (((j - want) & mask) >= ((j - i) & mask)) {
            array->slots[i] = array->slots[j];
            i = j;
        }
    }
    array->slots[i] = (struct htable_slot){0};
}

static bool slots_remove(struct htable_slots *array, uint64_t hash, const void *item)
{
    struct htable_slot *slot = slots_find(array, hash, item);

    if (slot) {
        close_gap(array, (size_t)(slot - array->slots));
    }
    return slot;
}

bool htable_remove(struct htable *table, uint64_t hash, const void *item)
{
    hash = slot_hash(hash);
    if (!slots_remove(&table->now, hash, item) &&
        (!table->left || !slots_remove(&table->left->from, hash, item))) {
        return false;
    }
    assert(table->n);
    table->n--;
    if (table->now.n > 64 && table->n < table->now.n / 8) {
        resize_begin(table, table->now.n / 4);
    }
    resize_step(table, MOVED_EACH);
    return true;
}

void htable_replace(struct htable *table, uint64_t hash, const void *old, void *item)
{
    struct htable_slot *slot = slots_find(&table->now, slot_hash(hash), old);

    assert(item);
    if (!slot && table->left) {
        slot = slots_find(&table->left->from, slot_hash(hash), old);
    }
    assert(slot);
    slot->item = item;
}

// The next item with this hash that is at least `*state` slots after the home of the hash, or NULL
// at the end of the run. *state is then the offset of the slot after the item.
static void *next_in_run(const struct htable_slots *array, uint64_t hash, size_t *state)
{
    size_t start = home(array, hash);

    for (;;) {
        const struct htable_slot *slot = &array->slots[(start + *state) & (array->n - 1)];

        if (!slot->hash) {
            return NULL;
        }
        ++*state;
        if (slot->hash == hash) {
            return slot->item;
        }
    }
}

// A search goes through the current array first. Its states in the old array have this added.
#define IN_LEFT (SIZE_MAX / 2 + 1)

void *htable_next_with_hash(const struct htable *table, uint64_t hash, size_t *state)
{
    void *item = NULL;

    if (!table->now.n) {
        return NULL;
    }
    hash = slot_hash(hash);
    if (*state < IN_LEFT) {
        item = next_in_run(&table->now, hash, state);
        if (item || LIKELY(!table->left)) {
            return item;
        }
        *state = IN_LEFT;
    }
    *state -= IN_LEFT;
    item = next_in_run(&table->left->from, hash, state);
    *state += IN_LEFT;
    return item;
}

void *htable_next(const struct htable *table, size_t *state)
{
    size_t n_left = table->left ? table->left->from.n : 0;

    while (*state < table->now.n + n_left) {
        size_t i = (*state)++;
        const struct htable_slot *slot =
            i < table->now.n ? &table->now.slots[i] : &table->left->from.slots[i - table->now.n];

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

// The position of a hash in a scan: its bits in reverse order. The low bits of a hash decide about
// the home, so the positions of one home form an interval, and doubling the table halves each
// interval. The position is less than HTABLE_END because its last bit is 0.
static uint64_t scan_position(uint64_t hash)
{
    return reverse_bits(hash >> 1);
}

bool htable_is_scanned(uint64_t hash, uint64_t position)
{
    return scan_position(slot_hash(hash)) < position;
}

// A position shifted right by this many bits gives the number of its interval.
static unsigned home_shift(const struct htable_slots *array)
{
    return 64 - (unsigned)__builtin_ctzll(array->n);
}

// Visits the items of one array with positions from `first` to `last`. `last` ends the interval of
// a home.
static void slots_scan(const struct htable_slots *array, uint64_t first, uint64_t last,
                       void (*visit)(void *userdata, void *item), void *userdata)
{
    unsigned shift = home_shift(array);

    for (uint64_t interval = first >> shift; interval <= last >> shift; interval++) {
        size_t start = (size_t)reverse_bits(interval << shift);

        for (size_t i = start; array->slots[i].hash; i = next_slot(array, i)) {
            const struct htable_slot *slot = &array->slots[i];

            // The run also has items of other homes. After the table has shrunk, the interval
            // also has items that an earlier call has visited.
            if (home(array, slot->hash) == start && scan_position(slot->hash) >= first) {
                visit(userdata, slot->item);
            }
        }
    }
}

uint64_t htable_scan(const struct htable *table, uint64_t position,
                     void (*visit)(void *userdata, void *item), void *userdata)
{
    unsigned shift;
    uint64_t last;

    if (!table->n || position == HTABLE_END) {
        return HTABLE_END;
    }
    shift = home_shift(&table->now);
    if (table->left) { // an interval of the smaller array contains several of the larger one
        shift = MAX(shift, home_shift(&table->left->from));
    }
    last = position | ((1ull << shift) - 1);
    slots_scan(&table->now, position, last, visit, userdata);
    if (table->left) {
        slots_scan(&table->left->from, position, last, visit, userdata);
    }
    return last == UINT64_MAX ? HTABLE_END : last + 1;
}
