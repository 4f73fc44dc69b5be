// SPDX-License-Identifier: Apache-2.0
#include "basic/htable.h"

#include "basic/alloc.h"

#include <assert.h>

// A smaller array is replaced at once; each change of a table that is being moved moves so many
// slots. A table shrinks to a quarter of its slots, half of which are in use then: it grows again
// after a sixteenth as many changes as the old array has slots, when that must be empty.
#define LARGE      4096
#define MOVED_EACH 32

// The array that items are moved out of, run by run; the slots before `n_moved` are empty.
struct htable_left {
    struct htable_slots from;
    size_t n_moved;
};

static uint64_t slot_hash(uint64_t hash)
{
    return hash | 1;
}

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

static void place(struct htable_slots *array, uint64_t hash, void *item)
{
    size_t i = home(array, hash);

    while (array->slots[i].hash) {
        i = next_slot(array, i);
    }
    array->slots[i] = (struct htable_slot){hash, item};
}

// Moves the items of at least `n` slots, up to the end of a run: what stays can be found. False:
// nothing is left.
static bool move(struct htable_left *left, struct htable_slots *to, size_t n)
{
    const struct htable_slots *from = &left->from;
    size_t limit = left->n_moved + MIN(n, from->n - left->n_moved);

    while (left->n_moved < from->n && (left->n_moved < limit || from->slots[left->n_moved].hash)) {
        struct htable_slot *slot = &from->slots[left->n_moved++];

        if (slot->hash) {
            place(to, slot->hash, slot->item);
            *slot = (struct htable_slot){0};
        }
    }
    return left->n_moved < from->n;
}

static void move_some(struct htable *table, size_t n)
{
    if (table->left && !move(table->left, &table->now, n)) {
        slots_free(&table->left->from);
        free(TAKE_PTR(table->left));
    }
}

static void resize(struct htable *table, size_t n_slots)
{
    struct htable_left left = {0};

    move_some(table, SIZE_MAX);
    left.from = table->now;
    table->now = slots_new(n_slots);
    if (left.from.n >= LARGE) {
        table->left = xmemdup(&left, sizeof(left));
    } else {
        move(&left, &table->now, SIZE_MAX);
        slots_free(&left.from);
    }
}

void htable_insert(struct htable *table, uint64_t hash, void *item)
{
    // At most three quarters full: probes stay short.
    if (table->n + 1 > table->now.n / 4 * 3) {
        resize(table, table->now.n ? table->now.n * 2 : 4);
    }
    move_some(table, MOVED_EACH);
    place(&table->now, slot_hash(hash), item);
    table->n++;
}

static struct htable_slot *find_in(const struct htable_slots *array, uint64_t hash,
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

// Closes the gap at `i`: moves back every later item of the run whose home does not lie behind it.
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

static bool remove_from(struct htable_slots *array, uint64_t hash, const void *item)
{
    struct htable_slot *slot = find_in(array, hash, item);

    if (slot) {
        close_gap(array, (size_t)(slot - array->slots));
    }
    return slot;
}

bool htable_remove(struct htable *table, uint64_t hash, const void *item)
{
    hash = slot_hash(hash);
    if (!remove_from(&table->now, hash, item) &&
        (!table->left || !remove_from(&table->left->from, hash, item))) {
        return false;
    }
    table->n--;
    if (table->now.n > 64 && table->n < table->now.n / 8) {
        resize(table, table->now.n / 4);
    }
    move_some(table, MOVED_EACH);
    return true;
}

void htable_replace(struct htable *table, uint64_t hash, const void *old, void *item)
{
    struct htable_slot *slot = find_in(&table->now, slot_hash(hash), old);

    if (!slot && table->left) {
        slot = find_in(&table->left->from, slot_hash(hash), old);
    }
    assert(slot);
    slot->item = item;
}

// The next item with this hash after `*state` slots from its home; NULL after the run.
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

// The states of a search in the array that is left come after those of the other.
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

// How far to shift a place on the line to the right for the number of the home it belongs to.
static unsigned home_shift(const struct htable_slots *array)
{
    return 64 - (unsigned)__builtin_ctzll(array->n);
}

// Visits the items of one array that lie from `first` to `last`, which is the end of a home.
static void scan_array(const struct htable_slots *array, uint64_t first, uint64_t last,
                       void (*visit)(void *userdata, void *item), void *userdata)
{
    unsigned shift = home_shift(array);

    for (uint64_t at = first >> shift; at <= last >> shift; at++) {
        size_t start = (size_t)reverse_bits(at << shift);

        for (size_t i = start; array->slots[i].hash; i = next_slot(array, i)) {
            const struct htable_slot *slot = &array->slots[i];

            // Items of other homes are among them, and after the table has shrunk some visited
            // before.
            if (home(array, slot->hash) == start && place_of(slot->hash) >= first) {
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
    if (table->left) { // the home of the smaller array is some of the larger
        shift = MAX(shift, home_shift(&table->left->from));
    }
    last = position | ((1ull << shift) - 1);
    scan_array(&table->now, position, last, visit, userdata);
    if (table->left) {
        scan_array(&table->left->from, position, last, visit, userdata);
    }
    return last == UINT64_MAX ? HTABLE_END : last + 1;
}
