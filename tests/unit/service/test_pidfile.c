// SPDX-License-Identifier: Apache-2.0
#include "service/pidfile.h"
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char folder[] = "/tmp/ovsdbd-pidfile-XXXXXX";
static char *path;

// Starts a process that holds the pid file until it is killed. Returns when the file is locked.
static pid_t start_holder(void)
{
    int fds[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (pidfile_create(path, false) || write(fds[1], "", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    return pid;
}

static void stop_holder(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_running(void **state)
{
    pid_t holder = start_holder();
    char *expected = xasprintf("%s: already running as pid %ld, aborting", path, (long)holder);
    pid_t pid = 0;

    assert_int_equal(pidfile_read(path, &pid), 0);
    assert_int_equal(pid, holder);
    assert_failure(pidfile_create(path, false), EBUSY, expected);
    free(expected);
    // `overwrite` replaces the file.
    assert_no_failure(pidfile_create(path, true));
    pidfile_remove();
    assert_int_equal(access(path, F_OK), -1);
    stop_holder(holder);
}

// For a child in another pid namespace, the process that holds the lock has no pid.
static void test_other_namespace(void **state)
{
    pid_t holder = start_holder();
    pid_t maker = fork();
    int status;

    if (!maker) {
        struct failure *failure;
        pid_t pid = 0, inside;

        if (unshare(CLONE_NEWPID)) {
            _exit(77);
        }
        inside = fork();
        if (inside) {
            waitpid(inside, &status, 0);
            _exit(WEXITSTATUS(status));
        }
        failure = pidfile_create(path, false);
        status = !failure ||
                 !strstr(failure_text(failure), "already running in another pid namespace") ||
                 pidfile_read(path, &pid) || pid != holder;
        failure_free(failure);
        _exit(status);
    }
    assert_int_equal(waitpid(maker, &status, 0), maker);
    assert_int_equal(access(path, F_OK), 0);
    stop_holder(holder);
    unlink(path);
    if (WEXITSTATUS(status) == 77) {
        skip(); // only root may make one
    }
    assert_int_equal(status, 0);
}

static void test_stale(void **state)
{
    pid_t pid;

    stop_holder(start_holder());
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(pidfile_read(path, &pid), -ESRCH);
    assert_no_failure(pidfile_create(path, false));
    pidfile_remove();
    assert_int_equal(access(path, F_OK), -1);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_read_errors(void **state)
{
    static const char *const bad[] = {"", "x\n", "12x\n", "-4\n", "0\n"};
    pid_t pid;

    unlink(path);
    assert_int_equal(pidfile_read(path, &pid), -ENOENT);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        write_text(bad[i]);
        assert_int_equal(pidfile_read(path, &pid), -EINVAL);
    }
    write_text("12\n");
    assert_int_equal(pidfile_read(path, &pid), -ESRCH);
    unlink(path);
}

static void test_not_ours_any_more(void **state)
{
    assert_no_failure(pidfile_create(path, false));
    unlink(path);
    write_text("1\n");
    pidfile_remove();
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void test_cannot_create(void **state)
{
    assert_failure(pidfile_create("/nonexistent/x.pid", false), ENOENT,
                   "/nonexistent/x.pid.tmp: create failed: No such file or directory");
}

// A file can be made, but not written to, as on a full disk.
static void test_cannot_write(void **state)
{
    struct rlimit before, none;
    char *temporary = xasprintf("%s.tmp", path);
    struct failure *failure;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    failure = pidfile_create(path, false);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_failure(failure, EFBIG, temporary);
    assert_int_equal(access(temporary, F_OK), -1);
    assert_int_equal(access(path, F_OK), -1);
    free(temporary);
}

static void test_exit(void **state)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        pid_t child;

        if (pidfile_create(path, false)) {
            _exit(2);
        }
        child = fork();
        if (!child) {
            exit(0);
        }
        waitpid(child, NULL, 0);
        exit(access(path, F_OK) ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running),           cmocka_unit_test(test_stale),
        cmocka_unit_test(test_other_namespace),   cmocka_unit_test(test_read_errors),
        cmocka_unit_test(test_not_ours_any_more), cmocka_unit_test(test_cannot_create),
        cmocka_unit_test(test_cannot_write),      cmocka_unit_test(test_exit),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    path = xasprintf("%s/x.pid", folder);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    free(path);
    return r;
}
