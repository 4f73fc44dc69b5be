// SPDX-License-Identifier: Apache-2.0
// The replayed history: the change sets that loading keeps.
#include "engine_fixture.h"

#include "engine/history.h"

static void set(struct db *db, const char *table, uint64_t n, const char *name, const char *value)
{
    const struct column *column = fixture_column(db, table, name);
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    union datum datum;
    bool is_new;

    cursor_init(&cursor, slice_of(value));
    assert_null(datum_decode(&cursor, &column->type, DATUM_CHECK_NOTHING, NULL, &scratch, &datum));
    row_set(db_load_row(db, fixture_table(db, table), fixture_uuid(n), &is_new), column, datum);
}

static int64_t number(const struct row *row)
{
    return row_get(row, table_schema_find_column(row->table, SLICE("i"))).scalar.integer;
}

// A database whose last record before the replayed history is number 100.
static struct db *begin(size_t max)
{
    struct db *db = fixture_new();

    set(db, "Thing", 1, "i", "1");
    db_set_last_txn_id(db, fixture_uuid(100));
    db_load_keep_history(db, max);
    return db;
}

static void end_record(struct db *db, uint64_t id)
{
    db_load_end_record(db, fixture_uuid(id), SIZE_MAX);
}

static void test_changes(void **state)
{
    struct db *db = begin(10);
    const struct changeset *changes;
    struct history *history;

    set(db, "Thing", 1, "i", "2");
    set(db, "Thing", 1, "i", "3"); // twice in one record: one change
    set(db, "Colour", 2, "name", "\"red\"");
    end_record(db, 101);
    assert_true(db_load_delete(db, fixture_table(db, "Colour"), fixture_uuid(2)));
    set(db, "Thing", 1, "i", "4");
    end_record(db, 102);
    assert_null(db_load_finish(db, NULL));
    fixture_check(db);
    history = history_new(db, 10);
    assert_int_equal(history_n_changes(history), 2);

    changes = history_find(history, fixture_uuid(100))->next;
    assert_true(uuid_equals(changes->txn_id, fixture_uuid(101)));
    assert_int_equal(changes->seq, 0);
    assert_int_equal(changes->n_tables, 2);
    assert_int_equal(changeset_find_table(changes, fixture_table(db, "Thing"))->n_rows, 1);
    assert_int_equal(number(changeset_find_table(changes, fixture_table(db, "Thing"))->rows[0].old),
                     1);
    assert_int_equal(number(changeset_find_table(changes, fixture_table(db, "Thing"))->rows[0].new),
                     3);
    assert_null(changeset_find_table(changes, fixture_table(db, "Colour"))->rows[0].old);

    changes = changes->next;
    assert_ptr_equal(changes, history_find(history, fixture_uuid(102)));
    assert_ptr_equal(changes, db_tail(db));
    assert_null(changeset_find_table(changes, fixture_table(db, "Colour"))->rows[0].new);
    fixture_run(db, "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"i\":5}}");
    assert_int_equal(changes->next->seq, 1);
    assert_ptr_equal(changes->next->tables[0].rows[0].old, // the chain has no gap
                     changeset_find_table(changes, fixture_table(db, "Thing"))->rows[0].new);
    history_free(history);
    db_free(db);
}

static void test_bounds(void **state)
{
    struct db *db = begin(3);
    struct history *history;

    for (uint64_t i = 0; i < 10; i++) {
        set(db, "Thing", 1, "i", i % 2 ? "8" : "9");
        end_record(db, 101 + i);
    }
    assert_null(db_load_finish(db, NULL));
    history = history_new(db, 10);
    assert_null(history_find(history, fixture_uuid(106)));
    assert_non_null(history_find(history, fixture_uuid(107))); // three changes lead from it to 110
    assert_int_equal(history_n_changes(history), 3);
    history_free(history);
    db_free(db);
}

// A replayed history that is not taken is freed with the database. It is limited by memory.
static void test_unused(void **state)
{
    struct db *db = begin(10);

    set(db, "Thing", 1, "i", "2");
    db_load_end_record(db, fixture_uuid(101), 0);
    set(db, "Thing", 1, "i", "3"); // a record that is not complete
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_unused),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
