// SPDX-License-Identifier: Apache-2.0
// Conversion of a store in use: a failed one changes nothing, and wherever it is canceled, the file
// is the whole old database or the whole new one.
#include "store_unit.h"

#include "basic/log.h"

#include <errno.h>
#include <poll.h>

static bool no_rename, no_sync;

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    errno = EACCES;
    return no_rename ? -1 : __real_rename(from, to);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    errno = EIO;
    return no_sync ? -1 : 0;
}

#define NEW_SCHEMA    "store/d-2.ovsschema"
#define STRICT_SCHEMA "store/d-3-strict.ovsschema"

struct outcome {
    int n;
    bool has_old;
    char *error;
};

static void on_done(void *userdata, struct db *old, const struct ovsdb_error *error)
{
    struct outcome *outcome = userdata;

    outcome->n++;
    outcome->has_old = old;
    outcome->error = error ? error_text(error) : NULL;
    db_free(old);
}

static void on_failed(void *userdata, struct store *store, int error)
{
}

static int setup(void **state)
{
    no_rename = no_sync = false;
    return enter_folder(state);
}

static struct store *fill(struct group_commit *group_commit)
{
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    for (int i = 0; i < 300; i++) {
        struct uuid row = insert(store_db(store), i % 2 ? "name" : "");

        set_column(store_db(store), row, "n", "7");
        set_column(store_db(store), row, "set", "[\"set\",[\"a\",\"b\"]]");
    }
    return store;
}

static void start(struct store *store, const char *file, struct outcome *outcome)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(file);

    store_start_conversion(store, schema, on_done, outcome);
    assert_true(store_is_converting(store));
}

static void step(struct store *store, struct group_commit *group_commit)
{
    struct pollfd fd = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    if (!store_run(store) && store_is_converting(store)) {
        assert_int_equal(poll(&fd, 1, 10000), 1);
        group_commit_dispatch(group_commit);
    }
}

static void test_converts(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store = fill(group_commit);
    struct outcome outcome = {0};
    _cleanup_free_ char *before = NULL, *after = NULL;

    start(store, NEW_SCHEMA, &outcome);
    while (!outcome.n) {
        assert_error(try_insert(store_db(store), "x", true, NULL, NULL), "being converted");
        step(store, group_commit);
    }
    assert_null(outcome.error);
    assert_true(outcome.has_old);
    assert_string_equal(db_schema(store_db(store))->version, "2.0.0");
    assert_int_equal(count_rows(store_db(store)), 300);
    insert(store_db(store), "after");
    for (int i = 0; i < 100; i++) { // the old one goes little by little
        step(store, group_commit);
    }
    before = dump(store_db(store));
    store_close(store);
    store = open_store(STORE_READ_WRITE, group_commit);
    after = dump(store_db(store));
    assert_string_equal(after, before);
    store_close(store);
    group_commit_free(group_commit);
}

static void check_refused(const char *schema, const char *expected)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store = fill(group_commit);
    struct outcome outcome = {0};
    _cleanup_free_ char *before = dump(store_db(store)), *after = NULL;

    start(store, schema, &outcome);
    while (!outcome.n) {
        step(store, group_commit);
    }
    assert_non_null(outcome.error);
    assert_non_null(strstr(outcome.error, expected));
    free(outcome.error);
    assert_false(outcome.has_old);
    after = dump(store_db(store));
    assert_string_equal(after, before);
    assert_int_equal(access("d.db.tmp", F_OK), -1);
    insert(store_db(store), "after");
    store_close(store);
    store = open_store(STORE_READ_ONLY, NULL);
    assert_int_equal(count_rows(store_db(store)), 301);
    store_close(store);
    group_commit_free(group_commit);
}

static void test_refused(void **state)
{
    check_refused(STRICT_SCHEMA, "table T, row ");
}

static void test_disk_fails(void **state)
{
    no_sync = true;
    check_refused(NEW_SCHEMA, "d.db.tmp: cannot be written: Input/output error");
}

static void test_rename_fails(void **state)
{
    no_rename = true;
    check_refused(NEW_SCHEMA, "d.db: cannot be put in place: Permission denied");
}

static void test_close(void **state)
{
    for (int n_steps = 0; n_steps < 5; n_steps++) {
        struct group_commit *group_commit = group_commit_new(on_failed, NULL);
        struct store *store = fill(group_commit);
        struct outcome outcome = {0};

        start(store, NEW_SCHEMA, &outcome);
        for (int i = 0; i < n_steps; i++) {
            store_run(store);
        }
        store_close(store);
        assert_int_equal(outcome.n, 1);
        free(outcome.error);
        group_commit_free(group_commit);
        store = open_store(STORE_READ_WRITE, NULL);
        assert_int_equal(count_rows(store_db(store)), 300);
        assert_int_equal(access("d.db.tmp", F_OK), -1);
        store_close(store);
    }
}

// A conversion begins when a running compaction has ended.
static void test_after_a_compaction(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store = fill(group_commit);
    struct outcome outcome = {0};

    store_start_compaction(store, NULL, NULL);
    start(store, NEW_SCHEMA, &outcome);
    while (!outcome.n) {
        struct pollfd fd = {.fd = group_commit_fd(group_commit), .events = POLLIN};

        if (!store_run(store)) {
            assert_int_equal(poll(&fd, 1, 10000), 1);
            group_commit_dispatch(group_commit);
        }
    }
    assert_null(outcome.error);
    assert_int_equal(count_rows(store_db(store)), 300);
    store_close(store);
    group_commit_free(group_commit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_converts, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_refused, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_disk_fails, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_rename_fails, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_close, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_after_a_compaction, setup, leave_folder),
    };

    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
