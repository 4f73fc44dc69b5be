// SPDX-License-Identifier: Apache-2.0
// Tests that "where" uses indexes instead of scans, and that scans for a column lead to an index.
#include "engine_fixture.h"

#include "engine/internal.h"

#include <stdio.h>

#define N 1500

static struct table *table_of(const struct db *db, const char *name)
{
    return db_table(db, fixture_table(db, name));
}

// Inserts N rows whose "a" is `first` and the next numbers.
static void fill_from(struct db *db, const char *table, int first)
{
    for (int i = first; i < first + N; i += 100) {
        struct txn *txn = txn_new(db);
        struct changeset *changes;
        uint64_t position;

        for (int j = i; j < i + 100; j++) {
            struct row *row =
                txn_insert(txn, fixture_table(db, table), fixture_uuid((uint64_t)j + 1));
            char *text = xasprintf("text %d", j);

            row_set(row, fixture_column(db, table, "a"), (union datum){.scalar.integer = j});
            row_set(row, fixture_column(db, table, "b"),
                    (union datum){.scalar.string = text_new(slice_of(text))});
            free(text);
        }
        assert_null(txn_commit(txn, false, &changes, &position));
        txn_free(txn);
    }
    fixture_check(db);
}

static void fill(struct db *db, const char *table)
{
    fill_from(db, table, 0);
}

static struct db *big_new(void)
{
    return fixture_new_with(schema_of_file("engine/index.ovsschema"));
}

static void test_schema_indexes_and_uuid_never_scan(void **state)
{
    struct db *db = big_new();
    struct table *table = table_of(db, "Big");

    fill(db, "Big");
    for (int i = 0; i < 100; i++) {
        char expected[64];

        snprintf(expected, sizeof(expected), "[{\"rows\":[{\"b\":\"text %d\"}]}]", i);
        assert_string_equal(fixture_run(db,
                                        "{\"op\":\"select\",\"table\":\"Big\",\"columns\":[\"b\"],"
                                        "\"where\":[[\"a\",\"==\",%d]]}",
                                        i),
                            expected);
        assert_string_equal(fixture_run(db,
                                        "{\"op\":\"select\",\"table\":\"Big\",\"columns\":[\"b\"],"
                                        "\"where\":[[\"c\",\"==\",0],[\"b\",\"==\",\"text %d\"]]}",
                                        i),
                            expected);
        assert_string_equal(
            fixture_run(db,
                        "{\"op\":\"update\",\"table\":\"Big\",\"where\":[[\"_uuid\",\"==\","
                        "[\"uuid\",\"%08x-0000-4000-8000-000000000000\"]],"
                        "[\"b\",\"==\",\"text %d\"]],\"row\":{\"a\":%d}}",
                        i + 1, i, -1 - i),
            "[{\"count\":1}]");
    }
    assert_null(table->scanned); // the rows were not scanned for equal values
    assert_int_equal(table->n_indexes, 2);
    assert_string_equal(fixture_run(db,
                                    "{\"op\":\"select\",\"table\":\"Big\",\"columns\":[\"b\"],"
                                    "\"where\":[[\"a\",\"==\",-1]]}"),
                        "[{\"rows\":[{\"b\":\"text 0\"}]}]");
    db_free(db);
}

static void ask(struct db *db, int value, const char *expected)
{
    assert_string_equal(fixture_run(db,
                                    "{\"op\":\"select\",\"table\":\"Plain\",\"columns\":[\"b\"],"
                                    "\"where\":[[\"a\",\"==\",%d]]}",
                                    value),
                        expected);
}

static void test_columns_asked_often_get_an_index(void **state)
{
    struct db *db = big_new();
    struct table *table = table_of(db, "Plain");
    uint64_t scanned;

    fill(db, "Plain");
    for (int i = 0; i < 20; i++) {
        ask(db, 7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
    }
    assert_int_equal(table->n_indexes, 1);
    scanned = table->scanned[fixture_column(db, "Plain", "a")->index];
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",7]],"
                "\"row\":{\"a\":-7}}");
    ask(db, 7, "[{\"rows\":[]}]");
    ask(db, -7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-7]]}");
    ask(db, -7, "[{\"rows\":[]}]");
    assert_int_equal(table->scanned[fixture_column(db, "Plain", "a")->index], scanned);
    fixture_check(db);
    db_free(db);
}

// An index is built in steps of every size, while commits change rows that the steps have and have
// not visited. It is used when it is complete, and then equals one that is built in one step.
static void test_index_is_built_in_steps(void **state)
{
    static const size_t steps[] = {1, 7, 100, N, SIZE_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct db *db = big_new();
        struct table *table = table_of(db, "Plain");
        const struct column *a = fixture_column(db, "Plain", "a");
        int next = N, n_steps = 0;

        fill(db, "Plain");
        table_index_column(table, a);
        assert_null(table_find_index(table, a));
        ask(db, 7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
        while (db_build_indexes(db, steps[i])) {
            assert_null(table_find_index(table, a));
            n_steps++;
            if (n_steps % 10 == 0) { // modifies, deletes and inserts rows, and fails to
                fixture_run(
                    db,
                    "{\"op\":\"mutate\",\"table\":\"Plain\",\"where\":[[\"a\",\"<\",%d]],"
                    "\"mutations\":[[\"a\",\"+=\",1]]},{\"op\":\"delete\",\"table\":\"Plain\","
                    "\"where\":[[\"a\",\"==\",%d]]},{\"op\":\"insert\",\"table\":\"Plain\","
                    "\"row\":{\"a\":%d,\"b\":\"new\"}}",
                    n_steps % 50, n_steps, next++);
                fixture_run(db,
                            "{\"op\":\"insert\",\"table\":\"Plain\",\"row\":{\"a\":-1}},"
                            "{\"op\":\"delete\",\"table\":\"Plain\",\"where\":[[\"a\",\">\",9]]},"
                            "{\"op\":\"abort\"}");
                fixture_check(db);
            }
        }
        assert_int_equal(n_steps > 0, steps[i] < N);
        assert_non_null(table_find_index(table, a));
        assert_int_equal(db->n_incomplete, 0);
        fixture_check(db);
        db_free(db);
    }
}

// A transaction that scans often gets its index before it ends, with the rows that it has changed.
static void test_scans_complete_an_index(void **state)
{
    struct db *db = big_new();
    struct table *table = table_of(db, "Plain");
    const struct column *a = fixture_column(db, "Plain", "a");
    struct buf operations = {0};

    for (int i = 0; i < 10; i++) {
        fill_from(db, "Plain", i * N);
    }
    buf_puts(&operations,
             "{\"op\":\"insert\",\"table\":\"Plain\",\"row\":{\"a\":-5}},"
             "{\"op\":\"update\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",7]],"
             "\"row\":{\"a\":-5}}");
    for (int i = 0; i < 24; i++) {
        buf_puts(&operations,
                 ",{\"op\":\"mutate\",\"table\":\"Plain\",\"where\":"
                 "[[\"a\",\"==\",-5]],\"mutations\":[]}");
    }
    assert_non_null(
        strstr(fixture_run(db, "%s", buf_cstr(&operations)), "{\"count\":2},{\"count\":2}]"));
    assert_non_null(table_find_index(table, a));
    fixture_check(db);
    buf_done(&operations);
    db_free(db);
}

static void count_row(void *userdata, struct row *row)
{
    ++*(size_t *)userdata;
}

static size_t n_equal(struct table *table, const struct column *column, union datum value)
{
    size_t n = 0;

    table_find_equal(table, column, value, count_row, &n);
    return n;
}

// table_find_equal() finds the same rows with and without an index, and its scans count.
static void test_rows_by_value(void **state)
{
    struct db *db = big_new();
    struct table *table = table_of(db, "Plain");
    const struct column *a = fixture_column(db, "Plain", "a"),
                        *uuid = fixture_column(db, "Plain", "_uuid");
    union datum seven = {.scalar.integer = 7}, nothing = {.scalar.integer = 1234567};
    int n_asked = 1;

    fill(db, "Plain");
    assert_int_equal(n_equal(table, a, seven), 1);
    assert_false(table_is_indexed(table, a));
    while (!table_is_indexed(table, a)) {
        assert_in_range(++n_asked, 2, 10);
    }
    assert_true(table_is_indexed(table, a));
    assert_int_equal(table->n_indexes, 1);
    assert_int_equal(n_equal(table, a, seven), 1);
    assert_int_equal(n_equal(table, a, nothing), 0);
    assert_int_equal(table_count_equal(table, a, seven), 1);
    fixture_run(db,
                "{\"op\":\"update\",\"table\":\"Plain\",\"where\":[[\"a\",\"<\",10]],"
                "\"row\":{\"a\":7}}");
    assert_int_equal(n_equal(table, a, seven), 10);
    assert_int_equal(table_count_equal(table, a, seven), 10);
    assert_true(table_is_indexed(table, uuid));
    assert_int_equal(n_equal(table, uuid, (union datum){.scalar.uuid = fixture_uuid(1)}), 1);
    assert_int_equal(n_equal(table, uuid, (union datum){.scalar.uuid = {1, 1}}), 0);
    db_free(db);
}

// Rows changed by the open transaction are found by the index too.
static void test_index_within_a_transaction(void **state)
{
    struct db *db = big_new();

    fill(db, "Plain");
    for (int i = 0; i < 20; i++) {
        ask(db, 7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
    }
    assert_string_equal(
        fixture_run(db,
                    "{\"op\":\"insert\",\"table\":\"Plain\",\"uuid\":"
                    "\"ffffffff-0000-4000-8000-000000000000\",\"row\":{\"a\":-1,\"b\":\"new\"}},"
                    "{\"op\":\"select\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-1]],"
                    "\"columns\":[\"b\"]},"
                    "{\"op\":\"update\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",7]],"
                    "\"row\":{\"a\":-1}},"
                    "{\"op\":\"mutate\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-1]],"
                    "\"mutations\":[[\"a\",\"-=\",1]]},"
                    "{\"op\":\"update\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-1]],"
                    "\"row\":{}},"
                    "{\"op\":\"delete\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-2]]},"
                    "{\"op\":\"select\",\"table\":\"Plain\",\"where\":[[\"a\",\"==\",-2]]},"
                    "{\"op\":\"abort\"}"),
        "[{\"uuid\":[\"uuid\",\"ffffffff-0000-4000-8000-000000000000\"]},"
        "{\"rows\":[{\"b\":\"new\"}]},{\"count\":1},{\"count\":2},{\"count\":0},{\"count\":2},"
        "{\"rows\":[]},{\"details\":\"aborted by the operation "
        "\\\"abort\\\"\",\"error\":\"aborted\"}]");
    ask(db, 7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
    ask(db, -1, "[{\"rows\":[]}]");
    db_free(db);
}

static void test_unused_indexes_go(void **state)
{
    struct db *db = big_new();
    struct table *table = table_of(db, "Plain");

    fill(db, "Plain");
    for (int i = 0; i < 20; i++) {
        ask(db, 7, "[{\"rows\":[{\"b\":\"text 7\"}]}]");
    }
    assert_int_equal(table->n_indexes, 1);
    for (int i = 0; i < 10; i++) {
        fixture_run(db,
                    "{\"op\":\"mutate\",\"table\":\"Plain\",\"where\":[],"
                    "\"mutations\":[[\"a\",\"+=\",1]]}");
    }
    assert_int_equal(table->n_indexes, 0);
    db_free(db);
}

static void test_no_index_where_it_is_not_worth_it(void **state)
{
    struct db *db = big_new();

    fill(db, "Plain");
    for (int i = 0; i < 20; i++) {
        fixture_run(db,
                    "{\"op\":\"select\",\"table\":\"Plain\",\"columns\":[\"t\"],"
                    "\"where\":[[\"t\",\"==\",true]]}");
        fixture_run(db,
                    "{\"op\":\"select\",\"table\":\"Plain\",\"columns\":[\"t\"],"
                    "\"where\":[[\"a\",\">\",5]]}");
    }
    assert_int_equal(table_of(db, "Plain")->n_indexes, 0);
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Plain\",\"where\":[[\"a\",\">\",5]]}");
    for (int i = 0; i < 5000; i++) {
        ask(db, 1, "[{\"rows\":[{\"b\":\"text 1\"}]}]");
    }
    assert_int_equal(table_of(db, "Plain")->n_indexes, 0); // six rows need none
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_indexes_and_uuid_never_scan),
        cmocka_unit_test(test_columns_asked_often_get_an_index),
        cmocka_unit_test(test_index_is_built_in_steps),
        cmocka_unit_test(test_scans_complete_an_index),
        cmocka_unit_test(test_rows_by_value),
        cmocka_unit_test(test_index_within_a_transaction),
        cmocka_unit_test(test_unused_indexes_go),
        cmocka_unit_test(test_no_index_where_it_is_not_worth_it),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
