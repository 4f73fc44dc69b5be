// SPDX-License-Identifier: Apache-2.0
// Socket activation, tested in a forked process that gets descriptors from 3 on and the environment
// variables of the service manager.
#include "service/listen_fds.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void set_number(const char *variable, long value)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", value);
    setenv(variable, text, 1);
}

// Runs `check` in a child process with `n` passed descriptors.
static void with_fds(int n, const char *names, int (*check)(void))
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        for (int fd = 3; fd < 3 + n; fd++) {
            if (dup2(STDIN_FILENO, fd) < 0) {
                _exit(9);
            }
        }
        set_number("LISTEN_PID", (long)getpid());
        set_number("LISTEN_FDS", n);
        if (names) {
            setenv("LISTEN_FDNAMES", names, 1);
        }
        _exit(check());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int check_named(void)
{
    struct listen_fd *fds, *none;
    int n = listen_fds_take(&fds);
    int r = n != 2 || fds[0].fd != 3 || strcmp(fds[0].name, "db") || fds[1].fd != 4 ||
            strcmp(fds[1].name, "control");

    if (!r) {
        r = !(fcntl(3, F_GETFD) & FD_CLOEXEC) || listen_fds_take(&none) != 0;
    }
    if (!r) {
        fds[0].fd = -1; // taken over: stays open
        listen_fds_free(fds, 2);
        r = fcntl(3, F_GETFD) < 0 || fcntl(4, F_GETFD) >= 0;
    }
    return r;
}

static void test_named(void **state)
{
    with_fds(2, "db:control", check_named);
}

static int check_unnamed(void)
{
    struct listen_fd *fds;
    int n = listen_fds_take(&fds);
    int r = n != 1 || strcmp(fds[0].name, "unknown");

    listen_fds_free(fds, 1);
    return r;
}

static void test_unnamed(void **state)
{
    with_fds(1, NULL, check_unnamed);
}

static void test_none(void **state)
{
    struct listen_fd *fds;

    unsetenv("LISTEN_PID");
    assert_int_equal(listen_fds_take(&fds), 0);
    listen_fds_free(fds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_unnamed),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
