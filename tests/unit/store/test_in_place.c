// SPDX-License-Identifier: Apache-2.0
// A database file is removed, replaced or overwritten by another program while it is in use.
#include "store_unit.h"

#include "basic/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy_file(const char *from, const char *to)
{
    _cleanup_buf_ struct buf content = {0};

    read_file(from, &content);
    write_file(to, buf_slice(&content));
}

static void remove_it(void)
{
    assert_int_equal(unlink("d.db"), 0);
}

static void rename_it(void)
{
    assert_int_equal(rename("d.db", "elsewhere.db"), 0);
}

static void move_over_it(void)
{
    copy_file("d.db", "other.db");
    assert_int_equal(rename("other.db", "d.db"), 0);
}

static void overwrite_it(void)
{
    create_database();
}

// Overwrites the file by another one of the same size, which differs only in its contents.
static void overwrite_with_same_size(void)
{
    _cleanup_buf_ struct buf content = {0};

    read_file("d.db", &content);
    memcpy(content.data + content.size - 10, "xxxx", 4);
    write_file("d.db", buf_slice(&content));
}

static void append_to_it(void)
{
    FILE *file = fopen("d.db", "a");

    assert_non_null(file);
    assert_true(fputs("\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_name_but_link(void)
{
    assert_int_equal(link("d.db", "other.db"), 0);
    assert_int_equal(unlink("d.db"), 0);
}

static const struct incident {
    const char *name;
    void (*happen)(void);
    const char *message;
} incidents[] = {
    {"removed", remove_it, "removed or renamed"},
    {"renamed", rename_it, "removed or renamed"},
    {"replaced", move_over_it, "replaced"},
    {"overwritten", overwrite_it, "overwritten"},
    {"overwritten, same size", overwrite_with_same_size, "overwritten"},
    {"appended to", append_to_it, "overwritten"},
    {"another link is left", remove_name_but_link, "removed or renamed"},
};

static bool exists(const char *path)
{
    return !access(path, F_OK);
}

static void clear(void)
{
    static const char *const names[] = {"d.db", "elsewhere.db", "other.db"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        unlink(names[i]);
    }
}

// Commits are rejected, and the file of the other program is not changed.
static void check_commits_fail(const struct incident *incident, bool durable)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    incident->happen();
    if (exists("d.db")) {
        read_file("d.db", &before);
    }
    assert_error(try_insert(store_db(store), "b", durable, NULL, NULL), incident->message);
    assert_error(try_insert(store_db(store), "c", durable, NULL, NULL), "read-only");
    assert_error(store_compact(store, NULL), incident->message);
    assert_non_null(strstr(store_failure(store), incident->message));
    assert_int_equal(count_rows(store_db(store)), 1);
    store_close(store);
    if (before.size) {
        read_file("d.db", &after);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.data, before.data, before.size);
    } else {
        assert_false(exists("d.db"));
    }
    assert_false(exists("d.db.tmp"));
    clear();
}

static void test_commits(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(incidents); i++) {
        print_message("%s\n", incidents[i].name);
        check_commits_fail(&incidents[i], false);
        check_commits_fail(&incidents[i], true);
    }
}

// The first commit after the start is checked too.
static void test_before_any_commit(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(incidents); i++) {
        struct store *store;

        create_database();
        store = open_store(STORE_READ_WRITE, NULL);
        assert_null(store_check(store));
        if (incidents[i].happen != overwrite_it) { // with the same contents
            incidents[i].happen();
            assert_non_null(strstr(store_check(store), incidents[i].message));
        }
        store_close(store);
        clear();
    }
}

static struct store *failed;

static void on_failed(void *userdata, struct store *store, int error)
{
    failed = store;
}

static bool is_lost;

static void on_settled(struct position_waiter *waiter, bool lost)
{
    is_lost = lost;
}

// A record that was written before and synced after the change is not reported as committed.
static void test_between_write_and_sync(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(incidents); i++) {
        struct group_commit *group_commit = group_commit_new(on_failed, NULL);
        struct store *store;
        struct position_waiter waiter;
        uint64_t position;

        failed = NULL;
        is_lost = false;
        create_database();
        store = open_store(STORE_READ_WRITE, group_commit);
        assert_ok(try_insert(store_db(store), "a", true, NULL, &position));
        position_wait(db_last_position(store_db(store)), &waiter, on_settled);
        incidents[i].happen();
        group_commit_flush(group_commit);
        group_commit_drain(group_commit);
        assert_ptr_equal(failed, store);
        assert_true(is_lost);
        assert_non_null(strstr(store_failure(store), incidents[i].message));
        store_close(store);
        group_commit_free(group_commit);
        clear();
    }
}

// A failure found by a commit without "durable" is reported to the group commit's handler too.
static void test_handler_is_called(void **state)
{
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    struct store *store;

    failed = NULL;
    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    unlink("d.db");
    assert_error(try_insert(store_db(store), "a", false, NULL, NULL), "removed or renamed");
    assert_null(failed);
    group_commit_flush(group_commit);
    group_commit_drain(group_commit);
    store_close(store);
    group_commit_free(group_commit);
}

static void test_symbolic_link(void **state)
{
    struct store *store;

    create_database();
    assert_int_equal(rename("d.db", "real.db"), 0);
    assert_int_equal(symlink("real.db", "d.db"), 0);
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    assert_ok(store_compact(store, NULL));
    insert(store_db(store), "b");
    copy_file("real.db", "other.db");
    assert_int_equal(unlink("d.db"), 0);
    assert_int_equal(symlink("other.db", "d.db"), 0);
    assert_error(try_insert(store_db(store), "c", false, NULL, NULL), "replaced");
    store_close(store);
}

static void test_folder_renamed(void **state)
{
    struct store *store = NULL;

    create_database();
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(rename("d.db", "folder/d.db"), 0);
    assert_ok(store_open("folder/d.db", STORE_READ_WRITE, NULL, NULL, &store, NULL));
    insert(store_db(store), "a");
    assert_int_equal(rename("folder", "elsewhere"), 0);
    assert_error(try_insert(store_db(store), "b", false, NULL, NULL), "removed or renamed");
    store_close(store);
}

// Changes of a file in use that are allowed.
static void test_harmless(void **state)
{
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    assert_int_equal(link("d.db", "other.db"), 0);
    insert(store_db(store), "b");
    assert_int_equal(chmod("d.db", 0600), 0);
    assert_int_equal(utimensat(AT_FDCWD, "d.db", NULL, 0), 0);
    insert(store_db(store), "c");
    // A relative path refers to the current folder at the start.
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(chdir("folder"), 0);
    insert(store_db(store), "d");
    assert_int_equal(chdir(".."), 0);
    assert_ok(store_compact(store, NULL));
    insert(store_db(store), "e");
    assert_null(store_check(store));
    store_close(store);
}

static void on_done(void *userdata, const struct ovsdb_error *error)
{
    bool *is_done = userdata;

    assert_non_null(error);
    *is_done = true;
}

// A compaction does not replace a file that another program has put in place meanwhile.
static void test_during_compaction(void **state)
{
    _cleanup_buf_ struct buf content = {0};
    struct group_commit *group_commit = group_commit_new(on_failed, NULL);
    bool is_done = false;
    struct store *store;

    failed = NULL;
    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    insert(store_db(store), "a");
    store_start_compaction(store, on_done, &is_done);
    while (store_run(store)) {
    }
    write_file("other.db", SLICE("restored"));
    assert_int_equal(rename("other.db", "d.db"), 0);
    while (!is_done) {
        struct pollfd pollfd = {.fd = group_commit_fd(group_commit), .events = POLLIN};

        assert_int_equal(poll(&pollfd, 1, -1), 1);
        group_commit_dispatch(group_commit);
    }
    assert_non_null(strstr(store_failure(store), "replaced"));
    read_file("d.db", &content);
    assert_string_equal(buf_cstr(&content), "restored");
    store_close(store);
    group_commit_free(group_commit);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_commits),
        TEST(test_before_any_commit),
        TEST(test_between_write_and_sync),
        TEST(test_handler_is_called),
        TEST(test_symbolic_link),
        TEST(test_folder_renamed),
        TEST(test_harmless),
        TEST(test_during_compaction),
    };

    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
