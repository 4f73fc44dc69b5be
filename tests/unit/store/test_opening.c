// SPDX-License-Identifier: Apache-2.0
// Opening on a helper thread gives the same store as store_open(), and an opening that fails or is
// canceled leaves nothing behind.
#include "store_unit.h"

#include "engine/check.h"
#include "store/opening.h"

#include <poll.h>
#include <sched.h>

static const char newer_schema[] =
    "{\"name\":\"d\",\"version\":\"2.0.0\",\"cksum\":\"12 34\",\"tables\":{"
    "\"T\":{\"columns\":{\"name\":{\"type\":\"string\"},\"extra\":{\"type\":\"string\"}}}}}";

struct outcome {
    int n;
    struct store *store;
    char *error;
    bool is_damaged;
};

static void on_opened(void *userdata, struct store *store, struct ovsdb_error *error,
                      bool is_damaged)
{
    struct outcome *outcome = userdata;

    assert_int_equal(!store, !!error);
    outcome->n++;
    outcome->store = store;
    outcome->error = error ? error_text(error) : NULL;
    outcome->is_damaged = is_damaged;
    error_free(error);
}

static void on_failed(void *userdata, struct store *store, int error)
{
}

static void wait_for(struct group_commit *group_commit, const struct outcome *outcome)
{
    struct pollfd fd = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    while (!outcome->n) {
        assert_int_equal(poll(&fd, 1, 60000), 1);
        group_commit_dispatch(group_commit);
    }
    assert_int_equal(outcome->n, 1);
}

static struct outcome open_beside(struct group_commit *group_commit, const char *path,
                                  const char *schema)
{
    struct outcome outcome = {0};
    struct opening *opening =
        opening_new(path, schema, STORE_READ_WRITE, group_commit, on_opened, &outcome);

    assert_false(opening_is_started(opening));
    assert_string_equal(opening_path(opening), path);
    opening_start(opening);
    wait_for(group_commit, &outcome);
    return outcome;
}

// Makes "d.db" with 100 rows in 300 records. Returns its contents.
static char *fill(void)
{
    struct store *store;
    char *contents;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    for (int i = 0; i < 100; i++) {
        struct uuid row = insert(store_db(store), i % 2 ? "a name" : "");

        set_column(store_db(store), row, "n", "7");
        set_column(store_db(store), row, "set", "[\"set\",[\"a\",\"\"]]");
    }
    contents = dump(store_db(store));
    store_close(store);
    return contents;
}

static void test_same_store(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    _cleanup_free_ char *before = fill(), *after = NULL, *again = NULL;
    struct outcome outcome = open_beside(group_commit, "d.db", NULL);
    struct store *store;
    uint64_t position;

    assert_null(outcome.error);
    after = dump(store_db(outcome.store));
    assert_string_equal(after, before);
    assert_ok(try_insert(store_db(outcome.store), "after", true, NULL, &position));
    group_commit_drain(group_commit);
    assert_int_equal(db_last_position(store_db(outcome.store)).value, position);
    assert_true(position_is_durable(db_last_position(store_db(outcome.store))));
    again = dump(store_db(outcome.store));
    store_close(outcome.store);
    store = open_store(STORE_READ_WRITE, group_commit);
    free(after);
    after = dump(store_db(store));
    assert_string_equal(after, again);
    store_close(store);
    group_commit_free(group_commit);
}

static void test_failures(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct outcome outcome = open_beside(group_commit, "missing.db", NULL);
    _cleanup_free_ char *contents = NULL;
    struct store *store;

    assert_non_null(strstr(outcome.error, "missing.db"));
    assert_false(outcome.is_damaged);
    free(outcome.error);
    write_file("bad.db", SLICE("OVSDB JSON 2 0000000000000000000000000000000000000000\n{}\n"));
    outcome = open_beside(group_commit, "bad.db", NULL);
    assert_non_null(strstr(outcome.error, "the file is damaged"));
    assert_true(outcome.is_damaged);
    free(outcome.error);
    contents = fill();
    store = open_store(STORE_READ_WRITE, group_commit);
    outcome = open_beside(group_commit, "d.db", NULL);
    assert_non_null(strstr(outcome.error, "this process has it open already"));
    assert_false(outcome.is_damaged);
    free(outcome.error);
    store_close(store);
    group_commit_free(group_commit);
}

static void test_provision(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct outcome outcome;

    free(fill());
    write_file("d.ovsschema", slice_of(newer_schema));
    outcome = open_beside(group_commit, "d.db", "d.ovsschema");
    assert_null(outcome.error);
    assert_string_equal(db_schema(store_db(outcome.store))->version, "2.0.0");
    assert_int_equal(count_rows(store_db(outcome.store)), 100);
    store_close(outcome.store);
    outcome = open_beside(group_commit, "new.db", "d.ovsschema");
    assert_null(outcome.error);
    assert_int_equal(count_rows(store_db(outcome.store)), 0);
    store_close(outcome.store);
    outcome = open_beside(group_commit, "new.db", "missing.ovsschema");
    assert_non_null(strstr(outcome.error, "missing.ovsschema"));
    free(outcome.error);
    group_commit_free(group_commit);
}

// Wherever it is stopped, the file can be opened again.
static void test_stop(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    _cleanup_free_ char *before = fill();

    for (int i = 0; i < 40; i++) {
        struct outcome outcome = {0};
        struct opening *opening =
            opening_new("d.db", NULL, STORE_READ_WRITE, group_commit, on_opened, &outcome);
        _cleanup_free_ char *after = NULL;
        struct store *store;

        if (i) {
            opening_start(opening);
            // No result depends on how far the helper comes.
            for (int j = 0; j < 100000 && opening_n_steps(opening) < (uint64_t)i; j++) {
                sched_yield();
            }
        }
        opening_stop(opening);
        assert_int_equal(outcome.n, 1);
        assert_true(i || strstr(outcome.error, "canceled"));
        store_close(outcome.store);
        free(outcome.error);
        store = open_store(STORE_READ_WRITE, group_commit);
        after = dump(store_db(store));
        assert_string_equal(after, before);
        store_close(store);
    }
    group_commit_free(group_commit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_store, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_failures, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_provision, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_stop, enter_folder, leave_folder),
    };

    db_set_structure_checks(true);
    return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
