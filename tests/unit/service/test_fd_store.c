// SPDX-License-Identifier: Apache-2.0
// A socket of the test represents the service manager. fd_store_push() waits for it, so it runs in
// another process.
#include "service/fd_store.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int manager; // what NOTIFY_SOCKET leads to

static int setup(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int size = snprintf(name, sizeof(name), "@ovsdbd-test-%ld", (long)getpid());

    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
    setenv("NOTIFY_SOCKET", name, 1);
    return bind(manager, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size));
}

static int teardown(void **state)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("FDSTORE");
    return close(manager);
}

// Receives a message; *ret_fd is the descriptor that came with it, or -1.
static void receive(char *text, size_t size, int *ret_fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec iov = {text, size - 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(manager, &message, 0);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    assert_true(n > 0);
    text[n] = '\0';
    *ret_fd = -1;
    if (header && header->cmsg_type == SCM_RIGHTS) {
        memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
    }
}

static void test_push(void **state)
{
    char text[256];
    int fds[2], fd, barrier, status;
    pid_t pid;

    assert_return_code(pipe(fds), errno);
    pid = fork();
    if (!pid) {
        _exit(fd_store_push("name", fds[1]) ? 1 : 0);
    }
    receive(text, sizeof(text), &fd);
    assert_non_null(strstr(text, "FDSTORE=1\n"));
    assert_non_null(strstr(text, "FDNAME=name\n"));
    assert_non_null(strstr(text, "FDPOLL=0"));
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(fds[0], text, 1), 1);
    receive(text, sizeof(text), &barrier);
    assert_non_null(strstr(text, "BARRIER=1"));
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0); // it waits
    close(barrier);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
    close(fds[0]);
    close(fds[1]);
}

static void test_remove(void **state)
{
    char text[256];
    int fd;

    fd_store_remove("name");
    receive(text, sizeof(text), &fd);
    assert_non_null(strstr(text, "FDSTOREREMOVE=1\n"));
    assert_non_null(strstr(text, "FDNAME=name"));
}

static void test_offer(void **state)
{
    assert_false(fd_store_is_offered());
    setenv("FDSTORE", "0", 1);
    assert_false(fd_store_is_offered());
    setenv("FDSTORE", "4", 1);
    assert_true(fd_store_is_offered());
    unsetenv("NOTIFY_SOCKET");
    assert_false(fd_store_is_offered());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_push, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
