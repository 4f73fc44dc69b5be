// SPDX-License-Identifier: Apache-2.0
#include "store_unit.h"

#include "store/lockfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_same_process(void **state)
{
    struct lockfile *lockfile, *other;

    assert_ok(lockfile_acquire("d.db", &lockfile));
    assert_int_equal(access(".d.db.~lock~", F_OK), 0);
    assert_error(lockfile_acquire("./d.db", &other), "this process has it open already");
    assert_true(lockfile_is_held("d.db"));
    assert_false(lockfile_is_held("e.db"));
    assert_int_equal(access(".e.db.~lock~", F_OK), -1);
    assert_ok(lockfile_acquire("e.db", &other));
    lockfile_release(other);
    lockfile_release(lockfile);
    assert_ok(lockfile_acquire("d.db", &lockfile));
    lockfile_release(lockfile);
    lockfile_release(NULL);
}

// Tries to take the lock in another process. True if it succeeds.
static bool other_process_locks(const char *path, char *error, size_t size)
{
    int fds[2], status;
    pid_t pid;
    ssize_t n;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct lockfile *lockfile;
        struct ovsdb_error *e = lockfile_acquire(path, &lockfile);
        char *text = e ? error_text(e) : xstrdup("");

        (void)!write(fds[1], text, strlen(text) + 1);
        _exit(e ? 1 : 0);
    }
    close(fds[1]);
    n = read(fds[0], error, size);
    assert_true(n > 0);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return !WEXITSTATUS(status);
}

// The child inherits the list of locks of this process: the lock is checked by the file, too.
static void test_other_process(void **state)
{
    char error[512], pid[32];
    int fds[2], go[2], status;
    struct lockfile *lockfile;
    char c = 0;
    pid_t holder;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(go), 0);
    holder = fork();
    assert_true(holder >= 0);
    if (!holder) {
        close(go[1]);
        assert_ok(lockfile_acquire("d.db", &lockfile));
        (void)!write(fds[1], "x", 1);
        (void)!read(go[0], &c, 1);
        _exit(0);
    }
    assert_int_equal(read(fds[0], &c, 1), 1);
    snprintf(pid, sizeof(pid), "process %ld ", (long)holder);
    assert_error(lockfile_acquire("d.db", &lockfile), pid);
    assert_true(lockfile_is_held("d.db"));
    assert_false(other_process_locks("d.db", error, sizeof(error)));
    assert_non_null(strstr(error, pid));
    close(go[1]);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    // The lock was released when its process ended.
    assert_false(lockfile_is_held("d.db"));
    assert_true(other_process_locks("d.db", error, sizeof(error)));
    assert_ok(lockfile_acquire("d.db", &lockfile));
    lockfile_release(lockfile);
    for (size_t i = 0; i < 2; i++) {
        close(fds[i]);
    }
    close(go[0]);
}

static void test_no_folder(void **state)
{
    struct lockfile *lockfile;

    assert_error(lockfile_acquire("nope/d.db", &lockfile), "nope/.d.db.~lock~");
    assert_int_equal(symlink("elsewhere", ".l.db.~lock~"), 0);
    assert_error(lockfile_acquire("l.db", &lockfile), "symbolic links");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_process, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_other_process, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_no_folder, enter_folder, leave_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
