// SPDX-License-Identifier: Apache-2.0
// Snapshots have the rows of one moment, in any order of collecting steps and commits.
#include "engine_fixture.h"

#include "engine/snapshot.h"
#include "engine/txn.h"

#include <stdlib.h>

#define N 500

static const struct column *number(const struct db *db)
{
    return fixture_column(db, "Thing", "i");
}

// Rows 0 to n-1 with i = 0.
static struct db *filled(int n)
{
    struct db *db = fixture_new();
    struct txn *txn = txn_new(db);
    struct changeset *changes;
    uint64_t position;

    for (int i = 0; i < n; i++) {
        txn_insert(txn, fixture_table(db, "Thing"), fixture_uuid((uint64_t)i));
    }
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    return db;
}

// Changes and deletes some of the rows, and inserts others.
static void commit(struct db *db, unsigned *seed, uint64_t fresh)
{
    const struct table_schema *things = fixture_table(db, "Thing");
    struct txn *txn = txn_new(db);
    struct changeset *changes;
    uint64_t position;

    for (int i = 0; i < 10; i++) {
        struct uuid uuid = fixture_uuid((uint64_t)rand_r(seed) % N);

        if (!txn_find(txn, things, uuid)) {
            continue;
        }
        if (i % 3) {
            row_set(txn_modify(txn, things, uuid), number(db),
                    (union datum){.scalar.integer = 1 + rand_r(seed) % 100});
        } else {
            txn_delete(txn, things, uuid);
        }
    }
    txn_insert(txn, things, fixture_uuid(fresh));
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
}

static void check_is_first_state(const struct snapshot *snapshot, const struct db *db, int n)
{
    size_t n_rows;
    struct row *const *rows = snapshot_rows(snapshot, fixture_table(db, "Thing")->index, &n_rows);
    bool seen[N] = {false};

    assert_int_equal(n_rows, n);
    assert_int_equal(snapshot_n_rows(snapshot), n);
    for (size_t i = 0; i < n_rows; i++) {
        uint64_t index = rows[i]->uuid.hi >> 32;

        assert_in_range(index, 0, n - 1);
        assert_false(seen[index]);
        seen[index] = true;
        assert_int_equal(row_get(rows[i], number(db)).scalar.integer, 0);
    }
}

static void check_collect(int n, size_t step, unsigned seed)
{
    struct db *db = filled(n);
    struct snapshot *snapshot = snapshot_new(db);
    uint64_t fresh = N;

    reclaim_start();
    do {
        commit(db, &seed, fresh++);
    } while (snapshot_collect(snapshot, step));
    for (int i = 0; i < 50; i++) {
        commit(db, &seed, fresh++);
    }
    check_is_first_state(snapshot, db, n);
    snapshot_free(snapshot);
    for (int i = 0; reclaim_run(7); i++) {
        commit(db, &seed, fresh++);
        if (i == 2000) {
            fail_msg("it never ends");
        }
    }
    fixture_check(db);
    db_free(db);
    while (reclaim_run(1000)) {
    }
    reclaim_stop();
}

static void test_collect(void **state)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        check_collect(N, 1 + seed * 5, seed);
    }
    check_collect(0, 1, 0);
    check_collect(1, 1, 1);
}

// A snapshot may be freed before it is complete, and a complete one may outlive its database.
static void test_given_up(void **state)
{
    struct db *db = filled(N);
    struct snapshot *snapshot = snapshot_new(db);
    unsigned seed = 0;

    assert_true(snapshot_collect(snapshot, 10));
    snapshot_free(snapshot);
    commit(db, &seed, N);
    snapshot = snapshot_new(db);
    assert_ptr_equal(snapshot_moment(snapshot), db_tail(db));
    while (snapshot_collect(snapshot, SIZE_MAX)) {
    }
    snapshot_free(snapshot);
    snapshot_free(NULL);
    db_free(db);
}

// db_free_rows() frees rows in steps.
static void test_db_free_rows(void **state)
{
    struct db *db = filled(N);
    int n = 0;

    while (db_free_rows(db, 10)) {
        n++;
    }
    assert_int_equal(n, N / 10);
    db_free_tables(db);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_db_free_rows),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
