// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

#include "engine/history.h"

static struct uuid commit(struct db *db, int i)
{
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":%d}}", i);
    return db_tail(db)->txn_id;
}

static void test_kept_changes_are_found(void **state)
{
    struct db *db = fixture_new();
    struct history *history;
    struct uuid ids[10];

    db_set_last_txn_id(db, fixture_uuid(1));
    history = history_new(db, 4);
    assert_int_equal(history_find(history, fixture_uuid(1))->seq, 0);
    assert_null(history_find(history, fixture_uuid(2)));
    for (int i = 0; i < 10; i++) {
        ids[i] = commit(db, i);
        assert_int_equal(history_find(history, ids[i])->seq, i + 1);
        assert_int_equal(history_n_changes(history), MIN(i + 1, 4));
    }
    assert_null(history_find(history, fixture_uuid(1)));
    assert_null(history_find(history, ids[4]));
    // The id before the first change set kept is known too: all changes after it are there.
    for (int i = 5; i < 10; i++) {
        assert_int_equal(history_find(history, ids[i])->seq, i + 1);
    }
    assert_ptr_equal(history_find(history, ids[5])->next, history_find(history, ids[6]));
    history_free(history);
    commit(db, 0); // the freed history is not an observer any more
    db_free(db);
}

// To free an older history does not affect the latest one.
static void test_two_histories(void **state)
{
    struct db *db = fixture_new();
    struct history *older = history_new(db, 4), *latest = history_new(db, 4);
    struct uuid id = commit(db, 1);

    history_free(older);
    assert_true(db_history_has(db, id));
    history_free(latest);
    assert_false(db_history_has(db, id));
    db_free(db);
}

// The last commit alone exceeds the limit: its rows are not kept, but its id is known.
static void test_largest_member(void **state)
{
    struct db *db = fixture_new();
    struct history *history = history_new(db, 100);
    struct uuid inserted, deleted;
    struct buf text = {0};

    for (int i = 0; i < 2000000; i++) {
        buf_putc(&text, 'x');
    }
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"s\":\"%s\"}}",
                buf_cstr(&text));
    inserted = db_tail(db)->txn_id;
    history_settle(history);
    assert_true(db_history_memory(db) <= db_memory(db));
    fixture_run(db, "{\"op\":\"delete\",\"table\":\"Thing\",\"where\":[]}");
    deleted = db_tail(db)->txn_id;
    history_settle(history);
    assert_true(db_history_memory(db) < 10000);
    assert_true(db_tail(db)->memory < 10000);
    assert_int_equal(history_n_changes(history), 0);
    assert_null(history_find(history, inserted));
    assert_ptr_equal(history_find(history, deleted), db_tail(db));
    assert_int_equal(db_tail(db)->seq, 2);
    commit(db, 1);
    assert_int_equal(db_tail(db)->seq, 3);
    assert_ptr_equal(history_find(history, deleted)->next, db_tail(db));
    fixture_check(db);
    history_free(history);
    assert_int_equal(db_history_memory(db), 0);
    db_free(db);
    buf_done(&text);
}

// The history of a small database with many changes is limited to a fixed size.
static void test_memory(void **state)
{
    struct db *db = fixture_new();
    struct history *history = history_new(db, SIZE_MAX);
    char *text = xmalloc(100001);
    size_t most = 0;

    memset(text, 'x', 100000);
    text[100000] = '\0';
    commit(db, 0);
    for (int i = 0; i < 50; i++) {
        text[i] = 'y';
        fixture_run(db,
                    "{\"op\":\"update\",\"table\":\"Thing\",\"where\":[],\"row\":{\"s\":\"%s\"}}",
                    text);
        most = MAX(most, history_memory(history));
    }
    assert_true(history_n_changes(history) >= 2);
    assert_true(history_n_changes(history) < 40);
    assert_true(most <= 1 << 20);
    assert_true(history_memory(history) > 200000);
    free(text);
    history_free(history);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_changes_are_found),
        cmocka_unit_test(test_two_histories),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_largest_member),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
