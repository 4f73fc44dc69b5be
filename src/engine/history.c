// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#define ALWAYS_KEPT ((size_t)1 << 20) // bytes that are kept whatever the size of the database

struct history {
    struct db_observer observer;
    struct changeset *first; // a reference; the commits kept are those after it
    struct htable by_id;     // of `first` and those after it
    size_t n, max;
    size_t memory; // of the commits after `first`
};

// The commit that `first` stands for is known by its id, but what it changed is of no use any more:
// it stays only as long as it is the first.
static void drop_first(struct history *history)
{
    struct changeset *next = changeset_ref(history->first->next);

    htable_remove(&history->by_id, uuid_hash(history->first->txn_id), history->first);
    changeset_unref(history->first);
    history->first = next;
    history->memory -= next->memory;
    history->n--;
}

static void add(struct history *history, const struct db *db, struct changeset *changes)
{
    size_t max_memory = MAX(db_memory(db), ALWAYS_KEPT);

    htable_insert(&history->by_id, uuid_hash(changes->txn_id), changes);
    history->n++;
    history->memory += changes->memory;
    while (history->n > history->max || (history->n && history->memory > max_memory)) {
        drop_first(history);
    }
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    add(CONTAINER_OF(observer, struct history, observer), db, changes);
}

struct history *history_new(struct db *db, size_t max_changes)
{
    struct history *history = NEW(struct history);
    struct changeset *changes;

    history->max = max_changes;
    history->first = changes = db_take_trail(db);
    htable_insert(&history->by_id, uuid_hash(changes->txn_id), changes);
    for (struct changeset *next = changes->next; next; next = next->next) {
        add(history, db, next);
    }
    history->observer.committed = on_committed;
    db_add_observer(db, &history->observer);
    return history;
}

void history_free(struct history *history)
{
    if (history) {
        db_remove_observer(&history->observer);
        changeset_unref(history->first);
        htable_done(&history->by_id);
        free(history);
    }
}

struct changeset *history_find(const struct history *history, struct uuid txn_id)
{
    struct changeset *changes;

    HTABLE_FOREACH_WITH_HASH(changes, &history->by_id, uuid_hash(txn_id))
    {
        if (uuid_equals(changes->txn_id, txn_id)) {
            return changes;
        }
    }
    return NULL;
}

size_t history_n_changes(const struct history *history)
{
    return history->n;
}

size_t history_memory(const struct history *history)
{
    return history->memory;
}
