// SPDX-License-Identifier: Apache-2.0
// Compaction while commits continue: at every moment the file with the name has all commits, so
// that a crash loses none; and after a failed compaction the old file is in use.
#include "store_unit.h"

#include "basic/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

static bool no_rename, no_sync_folder;
static ssize_t room_for_new = -1; // bytes that fit into the new file; -1: no limit

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    errno = EACCES;
    return no_rename ? -1 : __real_rename(from, to);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    errno = EIO;
    return S_ISDIR(st.st_mode) && no_sync_folder ? -1 : 0;
}

static bool is_new_file(int fd)
{
    struct stat st, new;

    return !fstat(fd, &st) && !stat("d.db.tmp", &new) && st.st_ino == new.st_ino;
}

ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    if (room_for_new >= 0 && is_new_file(fd)) {
        if (!room_for_new) {
            errno = ENOSPC;
            return -1;
        }
        size = MIN(size, (size_t)room_for_new);
        room_for_new -= (ssize_t)size;
    }
    return __real_pwrite64(fd, data, size, offset);
}

struct outcome {
    int n;
    char *error;
};

static void on_done(void *userdata, const struct ovsdb_error *error)
{
    struct outcome *outcome = userdata;

    outcome->n++;
    outcome->error = error ? error_text(error) : NULL;
}

static void on_failed(void *userdata, struct store *store, int error)
{
    fail_msg("a sync failed");
}

static int setup(void **state)
{
    no_rename = no_sync_folder = false;
    room_for_new = -1;
    return enter_folder(state);
}

// The contents of the database as a new process would find it after a crash now.
static void assert_recoverable(struct db *db)
{
    struct store *store = open_store(STORE_READ_ONLY, NULL);
    _cleanup_free_ char *expected = dump(db), *found = dump(store_db(store));

    assert_string_equal(found, expected);
    store_close(store);
}

// Inserts rows, and changes and deletes some of them.
static void fill(struct db *db, int n, struct uuid *rows)
{
    for (int i = 0; i < n; i++) {
        rows[i] = insert(db, "row");
        if (i % 3 == 0) {
            set_column(db, rows[i], "n", "7");
        }
    }
    delete_row(db, rows[0]);
    rows[0] = insert(db, "again");
}

static void wait_for_group_commit(struct group_commit *group_commit)
{
    struct pollfd fd = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
    group_commit_dispatch(group_commit);
}

// Runs a compaction to its end, with a durable commit between any two steps.
static void run_with_commits(struct store *store, struct group_commit *group_commit,
                             struct outcome *outcome, struct uuid *rows, int n)
{
    struct db *db = store_db(store);

    for (int i = 0; !outcome->n; i++) {
        char value[32];

        snprintf(value, sizeof(value), "%d", i % 1000);
        set_column(db, rows[i % n], "n", value);
        delete_row(db, rows[(i + n / 2) % n]);
        assert_ok(try_insert(db, "new", true, &rows[(i + n / 2) % n], NULL));
        group_commit_flush(group_commit);
        if (!store_run(store)) {
            wait_for_group_commit(group_commit);
        }
        assert_recoverable(db);
    }
}

static void test_commits_go_on(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct outcome first = {0}, second = {0};
    struct uuid rows[300];
    struct store *store;
    size_t n_steps = 0;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    fill(store_db(store), ARRAY_SIZE(rows), rows);
    for (int i = 0; i < 20; i++) {
        first = (struct outcome){0};
        store_start_compaction(store, on_done, &first);
        store_start_compaction(store, on_done, &second); // the same one
        assert_true(store_is_compacting(store));
        run_with_commits(store, group_commit, &first, rows, ARRAY_SIZE(rows));
        assert_int_equal(first.n, 1);
        assert_null(first.error);
        assert_int_equal(second.n, i + 1);
        assert_false(store_is_compacting(store));
        assert_int_equal(access("d.db.tmp", F_OK), -1);
        insert(store_db(store), "after");
        assert_recoverable(store_db(store));
    }
    while (store_run(store)) {
        n_steps++; // what is left is to give memory back
    }
    assert_true(n_steps < 10);
    group_commit_drain(group_commit);
    assert_true(db_last_position(store_db(store)).value > 0);
    assert_true(position_is_durable(db_last_position(store_db(store))));
    store_close(store);
    group_commit_free(group_commit);
}

// More rows than one step collects, so that commits come between the steps: the snapshot is of the
// moment the compaction began, and the records of these commits follow it.
static void test_commits_while_collecting(void **state)
{
    static const int n = 20000;
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct uuid *rows = NEW_ARRAY(struct uuid, n);
    struct outcome outcome = {0};
    struct store *store;
    size_t n_steps = 0;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    for (int i = 0; i < n; i++) {
        rows[i] = insert(store_db(store), "row");
    }
    store_start_compaction(store, on_done, &outcome);
    for (; store_run(store); n_steps++) {
        for (int i = 0; i < 500; i++) {
            int k = (int)((n_steps * 7919 + (size_t)i * 31) % (size_t)n);

            set_column(store_db(store), rows[k], "n", i % 2 ? "3" : "4");
            delete_row(store_db(store), rows[n - 1 - k]);
            rows[n - 1 - k] = insert(store_db(store), "new");
        }
    }
    assert_true(n_steps >= 4);
    while (!outcome.n) {
        wait_for_group_commit(group_commit);
    }
    assert_null(outcome.error);
    assert_recoverable(store_db(store));
    store_close(store);
    group_commit_free(group_commit);
    free(rows);
}

static void check_fails(const char *expected)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct outcome outcome = {0};
    struct uuid rows[50];
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    fill(store_db(store), ARRAY_SIZE(rows), rows);
    store_start_compaction(store, on_done, &outcome);
    run_with_commits(store, group_commit, &outcome, rows, ARRAY_SIZE(rows));
    assert_non_null(outcome.error);
    assert_non_null(strstr(outcome.error, expected));
    free(outcome.error);
    assert_int_equal(access("d.db.tmp", F_OK), -1);
    assert_recoverable(store_db(store));
    if (!store_failure(store)) {
        insert(store_db(store), "after");
        assert_recoverable(store_db(store));
    }
    store_close(store);
    group_commit_free(group_commit);
}

static void test_rename_fails(void **state)
{
    no_rename = true;
    check_fails("d.db: cannot be put in place: Permission denied");
}

static void test_disk_is_full(void **state)
{
    room_for_new = 600;
    check_fails("d.db.tmp: cannot be written: No space left on device");
}

// If the directory cannot be synced, a power failure may leave either file: commits are rejected.
static void test_folder_fails(void **state)
{
    no_sync_folder = true;
    check_fails("its directory cannot be synced");
}

// While records are written to both files, a record that does not fit into one is in neither.
static void test_twin_is_full(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct outcome outcome = {0};
    struct uuid rows[50];
    struct store *store;
    int n_rejected = 0;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    fill(store_db(store), ARRAY_SIZE(rows), rows);
    store_start_compaction(store, on_done, &outcome);
    while (!outcome.n) {
        struct ovsdb_error *error;

        if (!store_run(store)) {
            wait_for_group_commit(
                group_commit); // the snapshot is written now, or the file is in place
        }
        room_for_new = 10;
        error = try_insert(store_db(store), "full", true, NULL, NULL);
        room_for_new = -1;
        if (error) {
            n_rejected++;
            assert_error(error, "No space left on device");
        }
        assert_recoverable(store_db(store));
        group_commit_flush(group_commit);
    }
    assert_null(outcome.error);
    assert_in_range(n_rejected, 0, 5); // none if the helper was faster
    insert(store_db(store), "after");
    assert_recoverable(store_db(store));
    store_close(store);
    group_commit_free(group_commit);
}

// Closing the store cancels a compaction at any step.
static void test_close(void **state)
{
    for (int n_steps = 0; n_steps < 8; n_steps++) {
        struct group_commit *group_commit = group_commit_new(on_failed, NULL);
        struct outcome outcome = {0};
        _cleanup_free_ char *before = NULL, *after = NULL;
        struct uuid rows[50];
        struct store *store;

        create_database();
        store = open_store(STORE_READ_WRITE, group_commit);
        fill(store_db(store), ARRAY_SIZE(rows), rows);
        before = dump(store_db(store));
        store_start_compaction(store, on_done, &outcome);
        for (int i = 0; i < n_steps && !outcome.n; i++) {
            if (!store_run(store) && i % 2) {
                wait_for_group_commit(group_commit);
            }
        }
        store_close(store);
        assert_int_equal(outcome.n, 1);
        if (outcome.error) {
            assert_non_null(strstr(outcome.error, "Operation canceled"));
            free(outcome.error);
        }
        group_commit_free(group_commit);
        store = open_store(STORE_READ_WRITE, NULL);
        after = dump(store_db(store));
        assert_string_equal(after, before);
        assert_int_equal(access("d.db.tmp", F_OK), -1);
        store_close(store);
    }
}

// A snapshot that is written in several pieces.
static void test_long(void **state)
{
    char *text = xmalloc(100001);
    struct store *store;

    memset(text, 'x', 100000);
    text[100000] = '\0';
    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    for (int i = 0; i < 50; i++) {
        text[i] = 'y';
        insert(store_db(store), text);
    }
    assert_ok(store_compact(store, NULL));
    assert_recoverable(store_db(store));
    insert(store_db(store), "after");
    assert_recoverable(store_db(store));
    store_close(store);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits_go_on, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_commits_while_collecting, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_rename_fails, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_disk_is_full, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_folder_fails, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_twin_is_full, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_close, setup, leave_folder),
        cmocka_unit_test_setup_teardown(test_long, setup, leave_folder),
    };

    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
