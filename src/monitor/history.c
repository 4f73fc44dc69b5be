// SPDX-License-Identifier: Apache-2.0
// The last commits of a database, so that a client that was away for a moment gets only what it
// missed (monitor_cond_since). Holds the oldest change set of interest, and by it the chain.
#include "monitor/view.h"

#define HISTORY_COMMITS 100
#define HISTORY_MEMORY  ((size_t)16 << 20)

struct history {
    struct db *db;
    struct changeset *base; // a reference; what came after it is known
    size_t n;               // commits after `base`
    size_t memory;          // theirs
};

struct history *history_new(struct db *db)
{
    struct history *history = NEW(struct history);

    history->db = db;
    history->base = changeset_ref(db_tail(db));
    return history;
}

void history_free(struct history *history)
{
    if (history) {
        changeset_unref(history->base);
        free(history);
    }
}

void history_commit(struct history *history, struct changeset *changes)
{
    history->n++;
    history->memory += changes->memory;
    while (history->n > HISTORY_COMMITS || (history->n && history->memory > HISTORY_MEMORY)) {
        struct changeset *next = changeset_ref(history->base->next);

        history->n--;
        history->memory -= next->memory;
        changeset_unref(history->base);
        history->base = next;
    }
}

bool history_write_since(const struct history *history, struct uuid txn_id,
                         const struct monitor_spec *spec, struct updates *updates)
{
    const struct changeset *changes = history->base;
    struct fold *fold;

    while (changes && !uuid_equals(changes->txn_id, txn_id)) {
        changes = changes->next;
    }
    // A transaction of before the start (seq 0) is known by its stored values only.
    if (!changes || uuid_is_zero(txn_id) || (!changes->seq && !monitor_spec_is_persistent(spec))) {
        return false;
    }
    fold = fold_new(spec);
    fold_add(fold, changes->next);
    fold_write(fold, history->db, updates);
    fold_free(fold);
    return true;
}
