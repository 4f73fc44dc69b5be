// SPDX-License-Identifier: Apache-2.0
// Socket files: a stale one is replaced, one of a running server is not, even if two servers start
// at the same time.
#include "net/socket_file.h"
#include "unit.h"

#include "basic/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define N_PROCESSES 6
#define N_ROUNDS    15

static char folder[] = "/tmp/ovsdbd-socket-XXXXXX";

// Returns the descriptor or negative errno.
static int listen_at(const char *path, struct socket_file *file)
{
    int fd = -1;
    struct failure *failure = socket_file_listen(path, 0600, 16, file, &fd);
    int r = failure ? -failure_errno(failure) : fd;

    failure_free(failure);
    return r;
}

static void assert_refused(const char *path, int expected, const char *words)
{
    struct socket_file file;
    int fd;
    _cleanup_failure_ struct failure *failure = socket_file_listen(path, 0600, 16, &file, &fd);

    assert_non_null(failure);
    assert_int_equal(-failure_errno(failure), expected);
    if (!strstr(failure_text(failure), words) || !strstr(failure_text(failure), path)) {
        fail_msg("%s: the failure is \"%s\"", path, failure_text(failure));
    }
}

// A socket that is bound and, if `backlog` is not negative, listens.
static int bind_at(const char *path, int type, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (backlog >= 0) {
        assert_int_equal(listen(fd, backlog), 0);
    }
    return fd;
}

static void test_stale_file_is_replaced(void **state)
{
    _cleanup_free_ char *path = xasprintf("%s/stale", folder);
    struct socket_file file;
    int fd;

    close(bind_at(path, SOCK_STREAM, 5));
    fd = listen_at(path, &file);
    assert_true(fd >= 0);
    socket_file_remove(&file);
    assert_null(file.path);
    assert_int_equal(access(path, F_OK), -1);
    socket_file_remove(&file); // nothing
    close(fd);
}

static void test_running_server_keeps_its_file(void **state)
{
    _cleanup_free_ char *path = xasprintf("%s/live", folder);
    static const char words[] = "a running server listens there: Address already in use";
    int fd = bind_at(path, SOCK_STREAM, 5);

    assert_refused(path, -EADDRINUSE, words);
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    unlink(path);
    // The queue of this server is full.
    fd = bind_at(path, SOCK_STREAM, 0);
    assert_refused(path, -EADDRINUSE, words);
    assert_refused(path, -EADDRINUSE, words);
    close(fd);
    unlink(path);
    fd = bind_at(path, SOCK_DGRAM, -1);
    assert_refused(path, -EADDRINUSE, words);
    close(fd);
    unlink(path);
}

static void test_other_files_stay(void **state)
{
    _cleanup_free_ char *path = xasprintf("%s/file", folder);
    _cleanup_free_ char *below = xasprintf("%s/file/s", folder);
    _cleanup_free_ char *missing = xasprintf("%s/missing/s", folder);
    struct stat st;

    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(path, -EEXIST, "not a socket");
    rmdir(path);
    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_refused(path, -EEXIST, "not a socket");
    assert_int_equal(lstat(path, &st), 0);
    assert_refused(below, -ENOENT, "No such file");
    assert_refused(missing, -ENOENT, "No such file");
    unlink(path);
}

static void test_another_ones_file_stays(void **state)
{
    _cleanup_free_ char *path = xasprintf("%s/s", folder);
    struct socket_file file, other;
    int fd = listen_at(path, &file);
    int other_fd;

    unlink(path);
    other_fd = listen_at(path, &other);
    assert_true(other_fd >= 0);
    socket_file_remove(&file);
    assert_int_equal(access(path, F_OK), 0);
    socket_file_remove(&other);
    assert_int_equal(access(path, F_OK), -1);
    close(fd);
    close(other_fd);
}

// One of several processes that listen at the same path at the same time. It reports whether it
// succeeded, and keeps the socket until all have reported.
static void compete(const char *path, int start, int results, int end)
{
    struct socket_file file;
    char byte;

    if (read(start, &byte, 1) == 0) {
        byte = listen_at(path, &file) >= 0 ? '1' : '0';
        if (write(results, &byte, 1) == 1) {
            _exit(read(end, &byte, 1) ? 1 : 0);
        }
    }
    _exit(1);
}

static unsigned count_winners(const char *path)
{
    int start[2], results[2], end[2];
    unsigned n = 0;
    char byte;

    close(bind_at(path, SOCK_STREAM, 5)); // a stale file, which each of them may replace
    assert_int_equal(pipe(start) | pipe(results) | pipe(end), 0);
    for (int i = 0; i < N_PROCESSES; i++) {
        if (!fork()) {
            close(start[1]);
            close(end[1]);
            compete(path, start[0], results[1], end[0]);
        }
    }
    close(start[1]);
    for (int i = 0; i < N_PROCESSES; i++) {
        assert_int_equal(read(results[0], &byte, 1), 1);
        n += byte == '1';
    }
    close(end[1]);
    for (int i = 0; i < N_PROCESSES; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    close(start[0]);
    close(results[0]);
    close(results[1]);
    close(end[0]);
    unlink(path);
    return n;
}

static void test_one_of_several_at_once(void **state)
{
    static char path[256]; // no allocation, which a child would leave behind when it exits

    snprintf(path, sizeof(path), "%s/race", folder);
    for (int i = 0; i < N_ROUNDS; i++) {
        assert_int_equal(count_winners(path), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale_file_is_replaced),
        cmocka_unit_test(test_running_server_keeps_its_file),
        cmocka_unit_test(test_other_files_stay),
        cmocka_unit_test(test_another_ones_file_stays),
        cmocka_unit_test(test_one_of_several_at_once),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
