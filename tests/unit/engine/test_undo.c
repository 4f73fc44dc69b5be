// SPDX-License-Identifier: Apache-2.0
// Random transactions, of which the last ones are withdrawn again and again: rows, counts, memory
// and history must be those of the copy that was taken before.
#include "engine_fixture.h"
#include "random_transaction.h"

#include "engine/history.h"
#include "engine/internal.h"
#include "engine/snapshot.h"
#include "engine/undo.h"

#include <stdlib.h>

#define MAX_DEPTH 40

// The database after one commit. Row versions are immutable, so references to them are a copy.
struct copy {
    struct changeset *tail;
    struct row **rows;
    size_t n_rows, capacity;
    size_t n_entries, n_weak_sets, memory, history_memory, history_n;
    struct db_usage usage;
};

static void copy_take(struct copy *copy, const struct db *db, const struct history *history)
{
    *copy = (struct copy){.tail = changeset_ref(db_tail(db)),
                          .memory = db_memory(db),
                          .history_memory = history_memory(history),
                          .history_n = history_n_changes(history)};
    db_usage(db, &copy->usage);
    for (uint16_t i = 0; i < db->schema->n_tables; i++) {
        struct row *row;

        copy->n_entries += db->tables[i]->entries.n;
        copy->n_weak_sets += db->tables[i]->weak_sets.n;
        for (size_t state = 0; (row = table_next(db->tables[i], &state));) {
            GROW(copy->rows, copy->n_rows, copy->capacity);
            copy->rows[copy->n_rows++] = row_ref(row);
        }
    }
}

static void copy_done(struct copy *copy)
{
    for (size_t i = 0; i < copy->n_rows; i++) {
        row_unref(copy->rows[i]);
    }
    free(copy->rows);
    changeset_unref(copy->tail);
}

static void assert_is_copy(const struct db *db, const struct history *history,
                           const struct copy *copy)
{
    struct copy now;

    fixture_check(db);
    copy_take(&now, db, history);
    assert_ptr_equal(now.tail, copy->tail);
    assert_null(now.tail->next);
    assert_int_equal(now.n_rows, copy->n_rows);
    for (size_t i = 0; i < copy->n_rows; i++) {
        const struct row *row = copy->rows[i];

        assert_ptr_equal(table_find(db_table(db, row->table), row->uuid), row);
    }
    assert_int_equal(now.n_entries, copy->n_entries);
    assert_int_equal(now.n_weak_sets, copy->n_weak_sets);
    assert_int_equal(now.memory, copy->memory);
    assert_int_equal(now.usage.n_weak_refs, copy->usage.n_weak_refs);
    assert_int_equal(now.history_memory, copy->history_memory);
    assert_int_equal(now.history_n, copy->history_n);
    assert_ptr_equal(history_find(history, copy->tail->txn_id), copy->tail);
    copy_done(&now);
}

static void test_random(void **state)
{
    struct copy copies[MAX_DEPTH + 1];
    struct db *db = fixture_new();
    struct history *history = history_new(db, 10000);
    size_t depth = 0, n_undone = 0;

    srandom(1);
    table_index_column(db_table(db, fixture_table(db, "Thing")),
                       fixture_column(db, "Thing", "i")); // as if it had been asked often
    copy_take(&copies[0], db, history);
    for (int step = 0; step < 1500; step++) {
        if (depth == MAX_DEPTH || (depth && !random_below(12))) {
            size_t n = 1 + (size_t)random_below((int)depth);

            db_undo(db, copies[depth - n].tail);
            for (size_t i = 0; i < n; i++) {
                copy_done(&copies[depth--]);
            }
            assert_is_copy(db, history, &copies[depth]);
            n_undone += n;
        } else if (random_transaction(db)) {
            copy_take(&copies[++depth], db, history);
        }
    }
    assert_true(n_undone > 300);
    for (size_t i = 0; i <= depth; i++) {
        copy_done(&copies[i]);
    }
    history_free(history);
    db_free(db);
}

// Fails unless the snapshot has exactly the rows of the copy.
static void assert_shows(struct snapshot *snapshot, const struct copy *copy)
{
    const struct schema *schema = snapshot_schema(snapshot);
    size_t n_found = 0;

    while (snapshot_collect(snapshot, 3)) {
    }
    assert_int_equal(snapshot_n_rows(snapshot), copy->n_rows);
    for (size_t i = 0; i < copy->n_rows; i++) {
        size_t n;
        struct row *const *rows = snapshot_rows(snapshot, copy->rows[i]->table->index, &n);

        assert_ptr_equal(&schema->tables[copy->rows[i]->table->index], copy->rows[i]->table);
        for (size_t j = 0; j < n; j++) {
            n_found += rows[j] == copy->rows[i];
        }
    }
    assert_int_equal(n_found, copy->n_rows);
}

// A snapshot that is being collected while later commits are withdrawn.
static void test_snapshots(void **state)
{
    struct db *db = fixture_new();
    struct history *history = history_new(db, 10000);

    srandom(2);
    for (int round = 0; round < 200; round++) {
        struct snapshot *snapshot;
        struct changeset *last = NULL;
        struct copy copy;
        int n_commits = 1 + random_below(12), n_kept = random_below(n_commits);

        random_transaction(db);
        copy_take(&copy, db, history);
        snapshot = snapshot_new(db);
        for (int i = 0; i < n_commits; i++) {
            if (i == n_kept) {
                last = changeset_ref(db_tail(db));
            }
            snapshot_collect(snapshot, (size_t)random_below(4));
            random_transaction(db);
        }
        db_undo(db, last);
        for (int i = random_below(3); i; i--) {
            snapshot_collect(snapshot, (size_t)random_below(4));
            random_transaction(db);
        }
        assert_shows(snapshot, &copy);
        snapshot_free(snapshot);
        changeset_unref(last);
        copy_done(&copy);
    }
    history_free(history);
    db_free(db);
}

static void test_nothing(void **state)
{
    struct db *db = fixture_new();

    db_undo(db, db_tail(db));
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    db_undo(db, db_tail(db));
    assert_int_equal(table_n_rows(db_table(db, fixture_table(db, "Thing"))), 1);
    db_free(db);
}

// The versions that come back have the _version that clients know.
static void test_version(void **state)
{
    struct db *db = fixture_new();
    struct changeset *last;
    struct row *row;
    struct uuid version;
    size_t from = 0;

    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":1}}");
    last = changeset_ref(db_tail(db));
    row = table_next(db_table(db, fixture_table(db, "Thing")), &from);
    version = row_version(row);
    fixture_run(db, "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"i\":2}}");
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Thing\",\"where\":[]}");
    db_undo(db, last);
    from = 0;
    row = table_next(db_table(db, fixture_table(db, "Thing")), &from);
    assert_true(uuid_equals(row_version(row), version));
    changeset_unref(last);
    db_free(db);
}

// The history holds four commits; of six that are withdrawn it knows the last four only.
static void test_more_than_the_history(void **state)
{
    struct db *db = fixture_new();
    struct history *history = history_new(db, 4);
    struct changeset *last;
    struct uuid withdrawn;

    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":1}}");
    last = changeset_ref(db_tail(db));
    for (int i = 0; i < 6; i++) {
        fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":%d}}", i);
    }
    withdrawn = db_tail(db)->txn_id;
    assert_null(history_find(history, last->txn_id));
    db_undo(db, last);
    assert_null(history_find(history, withdrawn));
    assert_ptr_equal(history_find(history, last->txn_id), last);
    assert_int_equal(history_n_changes(history), 0);
    assert_int_equal(history_memory(history), last->memory);
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":9}}");
    assert_ptr_equal(history_find(history, last->txn_id)->next, db_tail(db));
    changeset_unref(last);
    history_free(history);
    db_free(db);
}

struct listener {
    struct db_observer observer;
    struct changeset *last;
    int n_calls;
};

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
}

static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct listener *listener = CONTAINER_OF(observer, struct listener, observer);

    assert_int_equal(table_n_rows(db_table(db, fixture_table(db, "Thing"))), 1);
    assert_non_null(last->next);
    listener->last = last;
    listener->n_calls++;
}

static void test_observers(void **state)
{
    struct listener listener = {.observer = {.committed = on_committed, .withdrawn = on_withdrawn}};
    struct db *db = fixture_new();
    struct changeset *last;

    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    last = changeset_ref(db_tail(db));
    db_add_observer(db, &listener.observer);
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    db_undo(db, last);
    assert_int_equal(listener.n_calls, 1);
    assert_ptr_equal(listener.last, last);
    db_remove_observer(&listener.observer);
    changeset_unref(last);
    db_free(db);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_more_than_the_history),
        cmocka_unit_test(test_observers),
    };

    fixture_schema_path = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
