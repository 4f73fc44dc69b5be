// SPDX-License-Identifier: Apache-2.0
#include "engine/volatile.h"

#include "engine/history.h"
#include "engine_fixture.h"
#include "json/framer.h"

#define ROW(n) "\"0000000" n "-0000-4000-8000-000000000000\""

static struct uuid version_of(const struct db *db, uint64_t n)
{
    return row_version(table_find(db_table(db, fixture_table(db, "T")), fixture_uuid(n)));
}

// A database with rows of three commits, one of them changed in memory only.
static struct db *new_db(void)
{
    struct db *db = fixture_new_with(schema_of_file("engine/volatile.ovsschema"));

    fixture_run(db, "{\"op\":\"insert\",\"table\":\"T\",\"uuid\":" ROW("1") ",\"row\":{\"n\":1}}");
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"T\",\"uuid\":" ROW("2") ",\"row\":{\"n\":2}}");
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"T\",\"where\":[[\"n\",\"==\",2]],"
                "\"row\":{\"e\":\"memory\",\"w\":[\"uuid\"," ROW("1") "]}}");
    return db;
}

// Loads the values that a file would have.
static struct db *load_stored(const struct db *db)
{
    struct db *copy = db_new(db_schema(db), uuid_random);
    const struct table_schema *table = fixture_table(db, "T");
    const struct column *column = fixture_column(db, "T", "n");
    const struct row *row;
    bool is_new;

    for (size_t at = 0; (row = table_next(db_table(db, table), &at));) {
        row_set(db_load_row(copy, table, row->uuid, &is_new), column, row_get(row, column));
    }
    assert_null(db_load_finish(copy, NULL));
    return copy;
}

static void test_round_trip(void **state)
{
    struct db *db = new_db(), *copy = load_stored(db);
    _cleanup_buf_ struct buf saved = {0};
    uint64_t seq = db_tail(db)->seq;

    db_put_volatile(db, &saved);
    assert_null(framer_check(buf_slice(&saved), SIZE_MAX, NULL, NULL));
    assert_false(uuid_equals(version_of(db, 1), version_of(copy, 1)));
    assert_true(db_restore_volatile(copy, buf_slice(&saved)));
    fixture_check(copy);
    for (uint64_t n = 1; n <= 2; n++) {
        const struct row *row = table_find(db_table(db, fixture_table(db, "T")), fixture_uuid(n));
        const struct row *same =
            table_find(db_table(copy, fixture_table(copy, "T")), fixture_uuid(n));

        assert_true(uuid_equals(row_version(row), row_version(same)));
        assert_true(datum_equals(row_get(row, fixture_column(db, "T", "e")),
                                 row_get(same, fixture_column(copy, "T", "e")),
                                 &fixture_column(db, "T", "e")->type));
    }
    assert_true(db_tail(copy)->seq > seq);
    assert_true(uuid_equals(db_tail(copy)->txn_id, db_tail(db)->txn_id));
    // The restored weak reference is registered with its target.
    assert_non_null(strstr(fixture_run(copy,
                                       "{\"op\":\"delete\",\"table\":\"T\",\"where\":"
                                       "[[\"n\",\"==\",1]]},{\"op\":\"select\",\"table\":\"T\","
                                       "\"where\":[],\"columns\":[\"n\",\"w\"]}"),
                           "\"w\":[\"uuid\""));
    assert_non_null(strstr(fixture_run(copy,
                                       "{\"op\":\"select\",\"table\":\"T\",\"where\":[],"
                                       "\"columns\":[\"w\"]}"),
                           "{\"w\":[\"set\",[]]}"));
    db_free(copy);
    db_free(db);
}

// A text that does not fit the database changes the id of the last transaction to a new one.
static void test_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "[1,\"x\",{}]",
        "[-1,\"00000000-0000-0000-0000-000000000000\",{}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",[]]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"X\":{}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":[]}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{\"x\":[1,{}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("3") ":[1,{}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[2,{}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1,3]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1,{\"x\":1}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1,{\"n\":1}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1,{\"e\":1}]}}]",
        "[1,\"00000000-0000-0000-0000-000000000000\",{\"T\":{" ROW("1") ":[1,{\"_uuid\":1}]}}]",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct db *db = new_db(), *copy = fixture_reload(db);

        db_set_last_txn_id(copy, db_tail(db)->txn_id);
        assert_false(db_restore_volatile(copy, slice_of(texts[i])));
        fixture_check(copy);
        assert_false(uuid_is_zero(db_tail(copy)->txn_id));
        assert_false(uuid_equals(db_tail(copy)->txn_id, db_tail(db)->txn_id));
        db_free(copy);
        db_free(db);
    }
}

// The history has both the last stored transaction and the last one.
static void test_history(void **state)
{
    struct db *db = new_db(), *copy = fixture_reload(db);
    _cleanup_buf_ struct buf saved = {0};
    struct uuid stored = uuid_random();
    struct history *history;

    db_put_volatile(db, &saved);
    db_set_last_txn_id(copy, stored);
    history = history_new(copy, 10);
    assert_true(db_restore_volatile(copy, buf_slice(&saved)));
    assert_int_equal(history_find(history, stored)->seq, 0);
    assert_ptr_equal(history_find(history, db_tail(db)->txn_id), db_tail(copy));
    history_free(history);
    db_free(copy);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_history),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
