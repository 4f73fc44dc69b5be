// SPDX-License-Identifier: Apache-2.0
// Large numbers of references: quadratic code would exceed the time limit of the test, recursive
// code would overflow the stack. tests/data/engine/reference.json has the rules for references.
#include "engine_fixture.h"

#include "engine/txn.h"

#define N 50000

static void commit(struct txn *txn)
{
    struct changeset *changes;
    uint64_t position;
    struct ovsdb_error *error = txn_commit(txn, false, &changes, &position);

    assert_null(error);
    txn_free(txn);
}

static union datum one(struct uuid uuid, const struct column *column)
{
    union atom atom = {.uuid = uuid};

    return datum_from_sorted(&column->type, &atom, NULL, 1);
}

static union datum many(uint64_t from, uint64_t n, const struct column *column)
{
    union atom *atoms = NEW_ARRAY(union atom, n);
    union datum datum;

    for (uint64_t i = 0; i < n; i++) {
        atoms[i].uuid = fixture_uuid(from + i);
    }
    datum = datum_from_sorted(&column->type, atoms, NULL, (uint32_t)n);
    free(atoms);
    return datum;
}

static size_t n_rows(const struct db *db, const char *table)
{
    return table_n_rows(db_table(db, fixture_table(db, table)));
}

// Removes the references of all owners: the parts are deleted, and the weak references with them.
static void assert_parts_end(struct db *db)
{
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Owner\",\"where\":[],"
                "\"row\":{\"parts\":[\"set\",[]]}}");
    assert_int_equal(n_rows(db, "Part"), 0);
    assert_string_equal(fixture_run(db,
                                    "{\"op\":\"select\",\"table\":\"Owner\",\"where\":[],"
                                    "\"columns\":[\"likes\"]}"),
                        "[{\"rows\":[{\"likes\":[\"set\",[]]}]}]");
}

// A chain of parts, each referred to by the one before: all are deleted with the owner of the
// first.
static void test_long_chain_is_collected(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *parts = fixture_table(db, "Part"),
                              *owners = fixture_table(db, "Owner");
    const struct column *held = fixture_column(db, "Part", "parts");
    struct txn *txn = txn_new(db);

    for (uint64_t i = 1; i <= N; i++) {
        struct row *row = txn_insert(txn, parts, fixture_uuid(i));

        if (i < N) {
            row_set(row, held, one(fixture_uuid(i + 1), held));
        }
    }
    row_set(txn_insert(txn, owners, fixture_uuid(1)), fixture_column(db, "Owner", "parts"),
            one(fixture_uuid(1), held));
    commit(txn);
    fixture_check(db);
    assert_int_equal(n_rows(db, "Part"), N);
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Owner\",\"where\":[]}");
    assert_int_equal(n_rows(db, "Part"), 0);
    db_free(db);
}

// A set of many references changes by one element at a time; then all rows are deleted at once.
static void test_big_sets(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *parts = fixture_table(db, "Part"),
                              *owners = fixture_table(db, "Owner");
    const struct column *held = fixture_column(db, "Owner", "parts");
    const struct column *liked = fixture_column(db, "Owner", "likes");
    struct txn *txn = txn_new(db);

    for (uint64_t i = 1; i <= N; i++) {
        txn_insert(txn, parts, fixture_uuid(i));
    }
    row_set(txn_insert(txn, owners, fixture_uuid(1)), held, many(1, N, held));
    row_set(txn_insert(txn, owners, fixture_uuid(2)), liked, many(1, N, liked));
    commit(txn);
    fixture_check(db);
    for (int i = 0; i < 20; i++) {
        txn = txn_new(db);
        row_set(txn_modify(txn, owners, fixture_uuid(1)), held,
                many(1, (uint64_t)(N - 1 - i), held));
        commit(txn);
    }
    assert_int_equal(n_rows(db, "Part"), N - 20);
    fixture_check(db);
    assert_parts_end(db);
    db_free(db);
}

// Many rows refer weakly to one row.
static void test_many_weak_referrers(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *owners = fixture_table(db, "Owner");
    const struct column *liked = fixture_column(db, "Owner", "likes");
    struct txn *txn = txn_new(db);

    txn_insert(txn, fixture_table(db, "Part"), fixture_uuid(1));
    row_set(txn_insert(txn, owners, fixture_uuid(N + 1)), fixture_column(db, "Owner", "parts"),
            one(fixture_uuid(1), liked));
    for (uint64_t i = 1; i <= N; i++) {
        row_set(txn_insert(txn, owners, fixture_uuid(i)), liked, one(fixture_uuid(1), liked));
    }
    commit(txn);
    for (uint64_t i = 1; i <= N / 2; i++) {
        txn = txn_new(db);
        txn_delete(txn, owners, fixture_uuid(i));
        commit(txn);
    }
    assert_parts_end(db);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_chain_is_collected),
        cmocka_unit_test(test_big_sets),
        cmocka_unit_test(test_many_weak_referrers),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
