// SPDX-License-Identifier: Apache-2.0
// Transactions built by C functions, and the effects of a commit on log, positions and observers.
#include "engine_fixture.h"

#include "engine/txn.h"

struct spy_log {
    struct commit_log log;
    int n_calls;
    bool fails;
    bool durable;
    uint64_t seq;
    size_t n_rows_then; // rows of the table when append() was called
    const struct table *table;
};

static struct ovsdb_error *spy_append(struct commit_log *log, struct changeset *changes,
                                      bool durable, uint64_t *ret_position)
{
    struct spy_log *spy = CONTAINER_OF(log, struct spy_log, log);

    spy->n_calls++;
    spy->durable = durable;
    spy->seq = changes->seq;
    spy->n_rows_then = table_n_rows(spy->table);
    if (spy->fails) {
        return error_new(ERROR_IO, "the disk is gone");
    }
    changes->txn_id = fixture_uuid(77);
    *ret_position = 42;
    return NULL;
}

struct spy_observer {
    struct db_observer observer;
    struct spy_observer *other; // must have been told before
    struct changeset *seen;
    bool leaves;
};

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct spy_observer *spy = CONTAINER_OF(observer, struct spy_observer, observer);

    assert_ptr_equal(db_tail(db), changes);
    assert_true(!spy->other || spy->other->seen == changes);
    spy->seen = changes;
    if (spy->leaves) {
        db_remove_observer(observer);
    }
}

static void insert_thing(struct txn *txn, const struct db *db, struct uuid uuid, int64_t i)
{
    struct row *row = txn_insert(txn, fixture_table(db, "Thing"), uuid);

    assert_non_null(row);
    row_set(row, fixture_column(db, "Thing", "i"), (union datum){.scalar.integer = i});
}

static int64_t thing_i(const struct db *db, const struct row *row)
{
    return row_get(row, fixture_column(db, "Thing", "i")).scalar.integer;
}

static void test_building(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *things = fixture_table(db, "Thing");
    struct txn *txn = txn_new(db);
    struct changeset *changes;
    uint64_t position;

    insert_thing(txn, db, fixture_uuid(1), 1);
    insert_thing(txn, db, fixture_uuid(2), 2);
    assert_null(txn_insert(txn, things, fixture_uuid(1)));
    assert_int_equal(thing_i(db, txn_find(txn, things, fixture_uuid(1))), 1);
    assert_null(table_find(db_table(db, things), fixture_uuid(1)));
    txn_delete(txn, things, fixture_uuid(2));
    assert_null(txn_find(txn, things, fixture_uuid(2)));
    assert_null(txn_commit(txn, true, &changes, &position));
    txn_free(txn);
    assert_int_equal(position, 0);
    assert_int_equal(changes->tables[0].n_rows, 1);

    txn = txn_new(db);
    row_set(txn_modify(txn, things, fixture_uuid(1)), fixture_column(db, "Thing", "i"),
            (union datum){.scalar.integer = 5});
    assert_int_equal(thing_i(db, table_find(db_table(db, things), fixture_uuid(1))), 1);
    assert_int_equal(thing_i(db, txn_find(txn, things, fixture_uuid(1))), 5);
    txn_delete(txn, things, fixture_uuid(1));
    assert_null(txn_insert(txn, things, fixture_uuid(1))); // it was there before
    txn_free(txn);                                         // without a commit
    fixture_check(db);
    assert_int_equal(thing_i(db, table_find(db_table(db, things), fixture_uuid(1))), 1);
    assert_int_equal(db_tail(db)->seq, 1);
    txn_free(NULL);
    db_free(db);
}

static void test_comments(void **state)
{
    struct db *db = fixture_new();
    struct txn *txn = txn_new(db);
    struct changeset *changes;
    uint64_t position;

    txn_add_comment(txn, SLICE("a"));
    txn_add_comment(txn, SLICE(""));
    txn_add_comment(txn, SLICE("b"));
    insert_thing(txn, db, fixture_uuid(1), 1);
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    assert_string_equal(changes->comment, "a\n\nb");
    db_free(db);
}

static void test_log(void **state)
{
    struct db *db = fixture_new();
    struct spy_log spy = {.log.append = spy_append};
    struct transact_request request = {0};
    struct transact_result result;
    _cleanup_buf_ struct buf text = {0};

    spy.table = db_table(db, fixture_table(db, "Thing"));
    db_set_log(db, &spy.log);
    fixture_run_request(db, request,
                        SLICE("{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}},"
                              "{\"op\":\"commit\",\"durable\":true}"),
                        &text, &result);
    assert_int_equal(spy.n_calls, 1);
    assert_true(spy.durable);
    assert_int_equal(spy.n_rows_then, 0);
    assert_int_equal(result.position, 42);
    assert_ptr_equal(result.changes, db_tail(db));
    assert_true(uuid_equals(result.changes->txn_id, fixture_uuid(77)));
    assert_false(result.failed);

    fixture_run_request(db, request,
                        SLICE("{\"op\":\"select\",\"table\":\"Thing\",\"where\":[]},"
                              "{\"op\":\"commit\",\"durable\":true}"),
                        &text, &result);
    assert_int_equal(spy.n_calls, 1); // nothing changed
    assert_null(result.changes);
    assert_int_equal(result.position, 0);
    db_free(db);
}

// The log is the last step of a commit that can fail: counts and indexes have been changed by then.
static void test_log_failure_leaves_no_trace(void **state)
{
    struct db *db = fixture_new();
    struct spy_log spy = {.log.append = spy_append, .fails = true};
    const char *result;

    fixture_run(db,
                "{\"op\":\"insert\",\"table\":\"Limited\",\"row\":{\"a\":1,\"b\":\"1\"}},"
                "{\"op\":\"insert\",\"table\":\"Limited\",\"row\":{\"a\":2,\"b\":\"2\"}},"
                "{\"op\":\"insert\",\"table\":\"Part\",\"uuid-name\":\"p\",\"row\":{}},"
                "{\"op\":\"insert\",\"table\":\"Owner\",\"row\":{\"parts\":[\"named-uuid\",\"p\"],"
                "\"likes\":[\"named-uuid\",\"p\"]}}");
    spy.table = db_table(db, fixture_table(db, "Limited"));
    db_set_log(db, &spy.log);
    result = fixture_run(db,
                         "{\"op\":\"update\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",1]],"
                         "\"row\":{\"a\":3}},"
                         "{\"op\":\"delete\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",2]]},"
                         "{\"op\":\"insert\",\"table\":\"Limited\",\"row\":{\"a\":2,\"b\":\"z\"}},"
                         "{\"op\":\"delete\",\"table\":\"Owner\",\"where\":[]},"
                         "{\"op\":\"commit\",\"durable\":true}");
    assert_non_null(strstr(result, "\"I/O error\""));
    assert_int_equal(spy.n_calls, 1);
    assert_int_equal(db_tail(db)->seq, 1);
    result = fixture_run(db,
                         "{\"op\":\"select\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",1]],"
                         "\"columns\":[\"b\"]},"
                         "{\"op\":\"select\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",2]],"
                         "\"columns\":[\"b\"]},"
                         "{\"op\":\"select\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",3]],"
                         "\"columns\":[\"b\"]}");
    assert_string_equal(result,
                        "[{\"rows\":[{\"b\":\"1\"}]},{\"rows\":[{\"b\":\"2\"}]},{\"rows\":[]}]");
    assert_int_equal(table_n_rows(db_table(db, fixture_table(db, "Part"))), 1);
    db_free(db);
}

static void test_observers(void **state)
{
    struct db *db = fixture_new();
    struct spy_observer first = {.observer.committed = on_committed, .leaves = true};
    struct spy_observer second = {.observer.committed = on_committed, .other = &first};

    db_add_observer(db, &first.observer);
    db_add_observer(db, &second.observer);
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    assert_ptr_equal(second.seen, db_tail(db));
    second.other = NULL;
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}}");
    assert_ptr_not_equal(first.seen, db_tail(db));
    assert_ptr_equal(second.seen, db_tail(db));
    fixture_run(db, "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{}},{\"op\":\"abort\"}");
    assert_int_equal(second.seen->seq, 2);
    db_remove_observer(&second.observer);
    db_free(db);
}

static void test_params_that_are_no_request(void **state)
{
    struct db *db = fixture_new();
    const struct slice params[] = {SLICE("[]"), SLICE("[5]"), SLICE("{}"), SLICE("\"lab\"")};

    for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
        struct transact_request request = {.params = params[i]};
        struct buf buf = {0};
        struct transact_result result;
        enum transact_status status;
        struct ovsdb_error *error = transact_run(db, &request, &buf, &status, &result);

        assert_non_null(error);
        assert_string_equal(error->tag, ERROR_SYNTAX);
        assert_int_equal(buf.size, 0);
        error_free(error);
    }
    db_free(db);
}

static void test_usage(void **state)
{
    struct db *db = fixture_new();
    struct db_usage usage;

    fixture_run(
        db,
        "{\"op\":\"insert\",\"table\":\"Owner\",\"uuid-name\":\"o\",\"row\":{}},"
        "{\"op\":\"insert\",\"table\":\"Crew\",\"row\":{\"members\":[\"named-uuid\",\"o\"]}}");
    db_usage(db, &usage);
    assert_int_equal(usage.n_rows, 2);
    assert_int_equal(usage.n_weak_refs, 1);
    assert_int_equal(usage.n_cells,
                     fixture_table(db, "Owner")->n_columns + fixture_table(db, "Crew")->n_columns);
    assert_true(db_memory(db) > 0);
    fixture_run(db,
                "{\"op\":\"delete\",\"table\":\"Crew\",\"where\":[]},"
                "{\"op\":\"delete\",\"table\":\"Owner\",\"where\":[]}");
    db_usage(db, &usage);
    assert_int_equal(usage.n_rows + usage.n_weak_refs + usage.n_cells, 0);
    assert_int_equal(db_memory(db), 0);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_building),  cmocka_unit_test(test_comments),
        cmocka_unit_test(test_log),       cmocka_unit_test(test_log_failure_leaves_no_trace),
        cmocka_unit_test(test_observers), cmocka_unit_test(test_params_that_are_no_request),
        cmocka_unit_test(test_usage),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
