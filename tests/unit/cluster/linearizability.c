// SPDX-License-Identifier: Apache-2.0
#include "linearizability.h"

#include "basic/alloc.h"
#include "basic/macro.h"

// A call or a return. The list holds those of the operations that have not taken effect.
struct moment {
    uint64_t time;
    size_t operation;
    bool is_return;
    struct moment *other; // of a call: the return
    struct moment *previous, *next;
};

// What the search has visited: a set of operations as bits, and the state after them.
struct visited {
    uint64_t *keys; // n_words + 1 for each, all 0: free
    size_t n_words, n, capacity;
};

struct search {
    const struct operation *operations;
    size_t n;
    struct moment first; // the head of the list
    uint64_t *key;       // bits of the operations that have taken effect, and the state + 1
    struct visited visited;
};

uint64_t list_append(uint64_t list, uint64_t value)
{
    uint64_t mixed = (list ^ value * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;

    return (mixed ^ mixed >> 32) + 1;
}

static bool visited_insert(struct visited *visited, const uint64_t *key);

static void visited_grow(struct visited *visited)
{
    struct visited old = *visited;

    visited->capacity = old.capacity ? old.capacity * 2 : 64;
    visited->keys = NEW_ARRAY(uint64_t, visited->capacity * (old.n_words + 1));
    visited->n = 0;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.keys[i * (old.n_words + 1) + old.n_words]) {
            visited_insert(visited, &old.keys[i * (old.n_words + 1)]);
        }
    }
    free(old.keys);
}

// False if the key was there.
static bool visited_insert(struct visited *visited, const uint64_t *key)
{
    size_t n_words = visited->n_words + 1;
    uint64_t hash = 0;

    if (visited->n * 2 >= visited->capacity) {
        visited_grow(visited);
    }
    for (size_t i = 0; i < n_words; i++) {
        hash = list_append(hash, key[i]);
    }
    for (size_t i = hash % visited->capacity;; i = (i + 1) % visited->capacity) {
        uint64_t *slot = &visited->keys[i * n_words];

        if (!slot[n_words - 1]) {
            memcpy(slot, key, n_words * sizeof(*key));
            visited->n++;
            return true;
        }
        if (!memcmp(slot, key, n_words * sizeof(*key))) {
            return false;
        }
    }
}

// Calls come before returns of the same time.
static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;

    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return (x->is_return > y->is_return) - (x->is_return < y->is_return);
}

static struct moment *make_moments(struct search *search)
{
    struct moment *moments = NEW_ARRAY(struct moment, search->n * 2 + 1);
    struct moment **calls = NEW_ARRAY(struct moment *, search->n + 1);

    for (size_t i = 0; i < search->n; i++) {
        moments[i * 2] = (struct moment){.time = search->operations[i].call, .operation = i};
        moments[i * 2 + 1] =
            (struct moment){.time = search->operations[i].end, .operation = i, .is_return = true};
    }
    qsort(moments, search->n * 2, sizeof(*moments), compare_moments);
    search->first.next = NULL;
    for (struct moment *moment = moments, *last = &search->first; moment < moments + search->n * 2;
         last = moment++) {
        moment->previous = last;
        last->next = moment;
        if (moment->is_return) {
            calls[moment->operation]->other = moment;
        } else {
            calls[moment->operation] = moment;
        }
    }
    free(calls);
    return moments;
}

static void moment_remove(struct moment *moment)
{
    moment->previous->next = moment->next;
    if (moment->next) {
        moment->next->previous = moment->previous;
    }
}

static void moment_restore(struct moment *moment)
{
    moment->previous->next = moment;
    if (moment->next) {
        moment->next->previous = moment;
    }
}

// Sets *state to the one after the operation. False if the operation has another result.
static bool operation_apply(const struct operation *operation, uint64_t *state)
{
    switch (operation->kind) {
    case OPERATION_WRITE:
        *state = operation->value;
        return true;
    case OPERATION_APPEND:
        *state = list_append(*state, operation->value);
        return true;
    default:
        return operation->value == *state;
    }
}

// Takes the operation as the next one, unless this leads to a point that the search has visited.
static bool take(struct search *search, struct moment *call, uint64_t *state)
{
    size_t n_words = search->visited.n_words;
    uint64_t *word = &search->key[call->operation / 64], bit = 1ull << call->operation % 64;
    uint64_t next = *state;

    if (!operation_apply(&search->operations[call->operation], &next)) {
        return false;
    }
    *word |= bit;
    search->key[n_words] = next + 1 ? next + 1 : 1;
    if (!visited_insert(&search->visited, search->key)) {
        *word &= ~bit;
        return false;
    }
    *state = next;
    moment_remove(call->other);
    moment_remove(call);
    return true;
}

// The operations that have been taken, with the states before them, to go back.
static bool search_run(struct search *search)
{
    struct {
        struct moment *call;
        uint64_t state;
    } *taken = xcalloc(search->n + 1, sizeof(*taken));
    size_t n_taken = 0;
    uint64_t state = 0;
    struct moment *moment = search->first.next;

    // Operations whose outcome is not known return at the end: these need not take effect.
    while (moment && moment->time != NEVER) {
        uint64_t before = state;

        if (!moment->is_return && take(search, moment, &state)) {
            taken[n_taken].call = moment;
            taken[n_taken++].state = before;
            moment = search->first.next;
        } else if (!moment->is_return && moment->next) {
            moment = moment->next;
        } else if (n_taken) {
            // An operation must take effect before this return: take back the last one.
            moment = taken[--n_taken].call;
            state = taken[n_taken].state;
            search->key[moment->operation / 64] &= ~(1ull << moment->operation % 64);
            moment_restore(moment);
            moment_restore(moment->other);
            moment = moment->next;
        } else {
            free(taken);
            return false;
        }
    }
    free(taken);
    return true;
}

bool is_linearizable(const struct operation *operations, size_t n)
{
    struct search search = {.operations = operations, .n = n, .visited.n_words = n / 64 + 1};
    struct moment *moments = make_moments(&search);
    bool result;

    search.key = NEW_ARRAY(uint64_t, search.visited.n_words + 1);
    result = search_run(&search);
    free(search.key);
    free(search.visited.keys);
    free(moments);
    return result;
}
