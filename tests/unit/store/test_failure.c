// SPDX-License-Identifier: Apache-2.0
// Failures of the disk: the system calls are replaced and return what a test requests.
#include "store_unit.h"

#include "basic/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

static ssize_t room = -1; // bytes that still fit; -1: no limit
static bool no_sync, no_truncate, no_rename, no_sync_folder;

ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    if (room >= 0) {
        if (!room) {
            errno = ENOSPC;
            return -1;
        }
        size = MIN(size, (size_t)room);
        room -= (ssize_t)size;
    }
    return __real_pwrite64(fd, data, size, offset);
}

int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size)
{
    if (no_truncate) {
        errno = EIO;
        return -1;
    }
    return __real_ftruncate64(fd, size);
}

static pthread_t engine_thread;
static unsigned n_engine_syncs; // made by the engine thread

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    n_engine_syncs += pthread_equal(pthread_self(), engine_thread) != 0;
    errno = EIO;
    return no_sync ? -1 : 0;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    errno = EIO;
    return (S_ISDIR(st.st_mode) ? no_sync_folder : no_sync) ? -1 : 0;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    errno = EACCES;
    return no_rename ? -1 : __real_rename(from, to);
}

static int setup(void **state)
{
    room = -1;
    no_sync = no_truncate = no_rename = no_sync_folder = false;
    engine_thread = pthread_self();
    n_engine_syncs = 0;
    return enter_folder(state);
}

static size_t file_size(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void assert_rows_in_file(size_t n)
{
    struct store *store = open_store(STORE_READ_ONLY, NULL);

    assert_int_equal(count_rows(store_db(store)), n);
    store_close(store);
}

// At any byte at which the disk becomes full, the partial record is removed, and the next commit
// with enough space succeeds.
static void test_full_disk(void **state)
{
    struct store *store;
    size_t size;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    size = file_size("d.db");
    for (room = 0; room < 100;) {
        ssize_t left = room;

        assert_error(try_insert(store_db(store), "b", true, NULL, NULL),
                     "d.db: cannot be written: No space left on device");
        assert_int_equal(file_size("d.db"), size);
        assert_int_equal(count_rows(store_db(store)), 1);
        room = left + 1;
    }
    assert_null(store_failure(store));
    room = -1;
    insert(store_db(store), "c");
    store_close(store);
    assert_rows_in_file(2);
}

// If the partial record cannot be removed, no record may be appended after it.
static void test_truncate_fails(void **state)
{
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    room = 20;
    no_truncate = true;
    assert_error(try_insert(store_db(store), "b", false, NULL, NULL), "No space left");
    room = -1;
    no_truncate = false;
    assert_non_null(store_failure(store));
    assert_error(try_insert(store_db(store), "c", false, NULL, NULL), "read-only");
    assert_error(store_compact(store, NULL), "read-only");
    assert_false(store_wants_compaction(store, clock_monotonic()));
    store_close(store);
    assert_rows_in_file(1);
}

static struct store *failed;
static int n_lost;

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    assert_true(is_lost);
    assert_null(failed);
    n_lost++;
}

static void on_failed(void *userdata, struct store *store, int error)
{
    assert_int_equal(error, EIO);
    assert_non_null(strstr(store_failure(store), "Input/output error"));
    assert_int_equal(n_lost, 1);
    failed = store;
}

static void test_sync_fails(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store;
    struct position_waiter waiter;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    assert_ok(try_insert(store_db(store), "a", true, NULL, NULL));
    position_wait(db_last_position(store_db(store)), &waiter, on_settled);
    no_sync = true;
    group_commit_flush(group_commit);
    assert_error(store_compact(store, NULL), "d.db.tmp: cannot be written");
    assert_null(failed);
    group_commit_drain(group_commit);
    assert_ptr_equal(failed, store);
    assert_error(try_insert(store_db(store), "b", true, NULL, NULL), "read-only");
    no_sync = false;
    assert_error(try_insert(store_db(store), "b", true, NULL, NULL), "read-only"); // for good
    assert_true(position_is_durable(db_last_position(store_db(store)))); // reads do not wait
    store_close(store);
    group_commit_free(group_commit);
}

// A store is closed after a failed sync that group_commit_dispatch() has not reported yet. A
// further sync would succeed, because the kernel reports an error once, but the commits are lost.
static void test_sync_fails_at_close(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store;
    struct position_waiter waiter;

    failed = NULL;
    n_lost = 0;
    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    assert_ok(try_insert(store_db(store), "a", true, NULL, NULL));
    position_wait(db_last_position(store_db(store)), &waiter, on_settled);
    no_sync = true;
    group_commit_flush(group_commit);
    assert_int_equal(
        poll(&(struct pollfd){.fd = group_commit_fd(group_commit), .events = POLLIN}, 1, 10000), 1);
    no_sync = false;
    store_close(store);
    assert_int_equal(n_lost, 1);
    group_commit_free(group_commit);
}

// Closes a store with a commit that need not be durable, as a server does.
static void close_in_steps(bool fails)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store;

    failed = NULL;
    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    insert(store_db(store), "a");
    no_sync = fails;
    assert_true(store_begin_close(store));
    while (store_begin_close(store)) {
        assert_int_equal(
            poll(&(struct pollfd){.fd = group_commit_fd(group_commit), .events = POLLIN}, 1, 10000),
            1);
        group_commit_dispatch(group_commit);
    }
    assert_ptr_equal(failed, fails ? store : NULL);
    assert_int_equal(store_failure(store) != NULL, fails);
    store_close(store);
    assert_int_equal(n_engine_syncs, 0);
    group_commit_free(group_commit);
    assert_int_equal(unlink("d.db"), 0);
}

static void test_close_in_steps(void **state)
{
    close_in_steps(false);
    close_in_steps(true);
}

static void test_compaction_fails(void **state)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    read_file("d.db", &before);
    for (int i = 0; i < 3; i++) {
        room = i == 0 ? 100 : -1;
        no_sync = i == 1;
        no_rename = i == 2;
        assert_error(store_compact(store, NULL), i == 0   ? "No space left on device"
                                                 : i == 1 ? "d.db.tmp: cannot be written"
                                                          : "Permission denied");
        room = -1;
        no_sync = no_rename = false;
        read_file("d.db", &after);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.data, before.data, before.size);
        assert_int_equal(access("d.db.tmp", F_OK), -1);
        assert_null(store_failure(store));
    }
    insert(store_db(store), "b");
    store_close(store);
    assert_rows_in_file(2);
}

// Without a synced directory a power failure may undo the rename: records appended to the new file
// could be lost.
static void test_folder_sync_fails(void **state)
{
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    no_sync_folder = true;
    assert_error(store_compact(store, NULL), "Input/output error");
    assert_non_null(store_failure(store));
    assert_error(try_insert(store_db(store), "b", false, NULL, NULL), "read-only");
    store_close(store);
    no_sync_folder = false;
    assert_rows_in_file(1);
}

static void test_create_fails(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(TEST_SCHEMA);

    room = 100;
    assert_error(store_create("d.db", schema), "No space left on device");
    assert_int_equal(access("d.db", F_OK), -1);
    assert_int_equal(access("d.db.tmp", F_OK), -1);
    room = -1;
    assert_ok(store_create("d.db", schema));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_full_disk),           TEST(test_truncate_fails),   TEST(test_sync_fails),
        TEST(test_sync_fails_at_close), TEST(test_compaction_fails), TEST(test_folder_sync_fails),
        TEST(test_create_fails),        TEST(test_close_in_steps),
    };

    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
