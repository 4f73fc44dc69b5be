// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include "engine/internal.h"

#include <assert.h>

#define MEMORY_MIN ((size_t)1 << 20) // limit of the memory of a small database's history

struct history {
    struct db_observer observer;
    struct db *db;
    struct changeset *first; // a reference; the history has the commits after it
    struct htable by_id;     // `first` and the change sets after it
    size_t n, max;           // number of change sets after `first`
    size_t memory;           // of `first` and the change sets after it
};

// Of `first` only the id is used: clients that have seen its transaction get the changes after it.
static void history_drop_first(struct history *history)
{
    struct changeset *next = changeset_ref(history->first->next);
    bool was_there =
        htable_remove(&history->by_id, uuid_hash(history->first->txn_id), history->first);

    assert(was_there && history->n);
    assert(history->memory >= history->first->memory);
    history->memory -= history->first->memory;
    changeset_unref(history->first);
    history->first = next;
    history->n--;
}

static void history_append(struct history *history, struct changeset *changes)
{
    htable_insert(&history->by_id, uuid_hash(changes->txn_id), changes);
    history->n++;
    history->memory += changes->memory;
}

static size_t max_memory(const struct history *history)
{
    return MAX(db_memory(history->db), MEMORY_MIN);
}

static void drop_oldest(struct history *history)
{
    size_t max = max_memory(history);

    while (history->n > history->max || (history->n && history->memory > max)) {
        history_drop_first(history);
    }
}

void history_settle(struct history *history)
{
    struct changeset *last;

    if (history->n || history->memory <= max_memory(history)) {
        return;
    }
    assert(history->first == history->db->tail);
    last = changeset_new(history->db->schema, 0, 0);
    last->seq = history->first->seq;
    last->txn_id = history->first->txn_id;
    last->memory = sizeof(*last);
    db_append_to_chain(history->db, last);
    history_append(history, last);
    history_drop_first(history);
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct history *history = CONTAINER_OF(observer, struct history, observer);

    history_append(history, changes);
    drop_oldest(history);
}

// The history may begin after `last`, if the withdrawn commits took all its room.
static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct history *history = CONTAINER_OF(observer, struct history, observer);
    bool knows_last = history_find(history, last->txn_id) == last;

    for (struct changeset *changes = knows_last ? last->next : history->first; changes;
         changes = changes->next) {
        htable_remove(&history->by_id, uuid_hash(changes->txn_id), changes);
        history->memory -= changes->memory;
        history->n -= changes != history->first;
    }
    if (!knows_last) {
        changeset_unref(history->first);
        history->first = changeset_ref(last);
        htable_insert(&history->by_id, uuid_hash(last->txn_id), last);
        history->memory = last->memory;
        history->n = 0;
    }
}

struct history *history_new(struct db *db, size_t max_changes)
{
    struct history *history = NEW(struct history);
    struct changeset *changes;

    history->db = db;
    history->max = max_changes;
    history->first = changes = db_take_replayed_history(db);
    htable_insert(&history->by_id, uuid_hash(changes->txn_id), changes);
    history->memory = changes->memory;
    for (struct changeset *next = changes->next; next; next = next->next) {
        history_append(history, next);
    }
    drop_oldest(history);
    history_settle(history);
    history->observer.committed = on_committed;
    history->observer.withdrawn = on_withdrawn;
    db_add_observer(db, &history->observer);
    db->history = history;
    return history;
}

void history_free(struct history *history)
{
    if (history) {
        db_remove_observer(&history->observer);
        if (history->db->history == history) {
            history->db->history = NULL;
        }
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

bool db_history_has(const struct db *db, struct uuid txn_id)
{
    return db->history && history_find(db->history, txn_id);
}

size_t db_history_memory(const struct db *db)
{
    return db->history ? history_memory(db->history) : 0;
}
