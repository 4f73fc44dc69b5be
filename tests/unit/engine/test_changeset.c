// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

static void test_contents(void **state)
{
    struct db *db = fixture_new();
    struct changeset *changes, *second;
    const struct table_changes *table;

    assert_int_equal(db_tail(db)->seq, 0);
    assert_int_equal(db_tail(db)->n_tables, 0);
    changes = changeset_ref(db_tail(db));
    fixture_run(db,
                "{\"op\":\"comment\",\"comment\":\"one\"},"
                "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":1}},"
                "{\"op\":\"insert\",\"table\":\"Owner\",\"row\":{}},"
                "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":2}},"
                "{\"op\":\"comment\",\"comment\":\"two\"}");
    second = changes->next;
    assert_ptr_equal(second, db_tail(db));
    assert_int_equal(second->seq, 1);
    assert_int_equal(second->n_tables, 2);
    assert_ptr_equal(second->tables[0].table, fixture_table(db, "Owner")); // in schema order
    assert_string_equal(second->comment, "one\ntwo");
    assert_false(uuid_is_zero(second->txn_id));
    assert_true(second->memory > 2 * sizeof(struct row));
    table = changeset_find_table(second, fixture_table(db, "Thing"));
    assert_int_equal(table->n_rows, 2);
    assert_null(table->rows[0].old);
    assert_int_equal(table->rows[0].new->seq, 1);
    assert_null(changeset_find_table(second, fixture_table(db, "Part")));
    assert_null(changeset_find_table(second, fixture_table(db, "Anchor")));

    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[[\"i\",\"==\",1]],"
                "\"row\":{\"i\":3}},{\"op\":\"delete\",\"table\":\"Owner\",\"where\":[]}");
    table = changeset_find_table(second->next, fixture_table(db, "Thing"));
    assert_int_equal(table->n_rows, 1);
    assert_int_equal(table->rows[0].old->seq, 1);
    assert_int_equal(table->rows[0].new->seq, 2);
    table = changeset_find_table(second->next, fixture_table(db, "Owner"));
    assert_non_null(table->rows[0].old);
    assert_null(table->rows[0].new);
    assert_null(second->next->comment);
    changeset_unref(changes);
    db_free(db);
}

// A row with the same values at the end of a transaction is not changed: it keeps its _version.
static void test_no_change(void **state)
{
    struct db *db = fixture_new();
    struct uuid version;

    fixture_run(db,
                "{\"op\":\"insert\",\"table\":\"Thing\",\"uuid\":"
                "\"00000001-0000-4000-8000-000000000000\",\"row\":{\"i\":1}}");
    version = row_version(table_find(db_table(db, fixture_table(db, "Thing")), fixture_uuid(1)));
    fixture_run(db, "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"i\":1}}");
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"i\":2}},"
                "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"i\":1}}");
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Part\",\"row\":{}}");
    fixture_run(db, "{\"op\":\"comment\",\"comment\":\"nothing\"}");
    assert_int_equal(db_tail(db)->seq, 1);
    assert_true(uuid_equals(
        version,
        row_version(table_find(db_table(db, fixture_table(db, "Thing")), fixture_uuid(1)))));
    fixture_run(
        db, "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"fleeting\":\"x\"}}");
    assert_int_equal(db_tail(db)->seq, 2);
    assert_false(uuid_equals(
        version,
        row_version(table_find(db_table(db, fixture_table(db, "Thing")), fixture_uuid(1)))));
    db_free(db);
}

// A chain without references is freed in steps.
static void test_long_chain(void **state)
{
    struct db *db = fixture_new();
    struct changeset *first = changeset_new(db_schema(db), 0, 0), *last = first;

    reclaim_start();
    for (int i = 0; i < 1000000; i++) {
        last = last->next = changeset_new(db_schema(db), 0, 0);
    }
    changeset_ref(last);
    changeset_unref(first);
    for (int i = 0; reclaim_run(10000); i++) {
        assert_int_equal(last->refs, 2);
        assert_true(i <= 100);
    }
    assert_int_equal(last->refs, 1);
    changeset_unref(last);
    db_free(db);
    assert_false(reclaim_run(1));
    reclaim_stop();
}

// Without a queue a chain is freed at once, without recursion.
static void test_long_chain_at_once(void **state)
{
    struct db *db = fixture_new();
    struct changeset *first = changeset_new(db_schema(db), 0, 0), *last = first;

    for (int i = 0; i < 1000000; i++) {
        last = last->next = changeset_new(db_schema(db), 0, 0);
    }
    changeset_ref(last);
    changeset_unref(first);
    assert_int_equal(last->refs, 1);
    changeset_unref(last);
    db_free(db);
}

// A large change set is freed in steps too, but not while there is a reference to it.
static void test_large(void **state)
{
    struct db *db = fixture_new();
    const struct column *column = fixture_column(db, "Thing", "i");
    struct buf operations = {0};
    struct changeset *changes;
    int n_steps = 0;

    reclaim_start();
    for (int i = 0; i < 1000; i++) {
        buf_printf(&operations, "%s{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":%d}}",
                   i ? "," : "", i);
    }
    fixture_run(db, "%s", buf_cstr(&operations));
    changes = changeset_ref(db_tail(db));
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Thing\",\"where\":[]}");
    assert_false(reclaim_run(100));
    assert_int_equal(changes->tables[0].n_rows, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(row_get(changes->tables[0].rows[i].new, column).scalar.integer, i);
    }
    changeset_unref(changes);
    while (reclaim_run(100)) {
        n_steps++;
    }
    assert_int_equal(n_steps, 9); // the first rows went at once
    buf_done(&operations);
    db_free(db);
    while (reclaim_run(100)) {
    }
    reclaim_stop();
}

// A row version exists as long as a change set that refers to it.
static void test_outlives_database(void **state)
{
    struct db *db = fixture_new();
    struct changeset *changes;

    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"s\":\"still here\"}}");
    changes = changeset_ref(db_tail(db));
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Thing\",\"where\":[]}");
    const struct column *column = fixture_column(db, "Thing", "s");
    db_free(db);
    assert_slice_is(text_slice(row_get(changes->tables[0].rows[0].new, column).scalar.string),
                    "still here");
    changeset_unref(changes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),   cmocka_unit_test(test_no_change),
        cmocka_unit_test(test_long_chain), cmocka_unit_test(test_long_chain_at_once),
        cmocka_unit_test(test_large),      cmocka_unit_test(test_outlives_database),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
