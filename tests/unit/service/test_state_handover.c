// SPDX-License-Identifier: Apache-2.0
#include "service/state_handover.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MANY 700 // several messages

static ino_t inode_of(int fd)
{
    struct stat st;

    assert_return_code(fstat(fd, &st), errno);
    return st.st_ino;
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(fds[i]);
    }
}

static void check_round_trip(size_t n, size_t size)
{
    _cleanup_buf_ struct buf bytes = {0}, read = {0};
    _cleanup_free_ int *fds = NULL;
    int sent[MANY] = {0}, handover_fd;
    ino_t inodes[MANY];
    struct slice parts[2];
    size_t n_read;

    for (size_t i = 0; i < n; i++) {
        sent[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        inodes[i] = inode_of(sent[i]);
    }
    for (size_t i = 0; i < size; i++) {
        buf_putc(&bytes, (char)i);
    }
    parts[0] = (struct slice){bytes.data, size / 3};
    parts[1] = (struct slice){bytes.data + size / 3, size - size / 3};
    assert_int_equal(state_handover_pack(parts, 2, sent, n, &handover_fd), 0);
    close_all(sent, n);
    buf_puts(&read, "before");
    assert_int_equal(state_handover_open(handover_fd, &read, &fds, &n_read), 0);
    assert_int_equal(n_read, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(inode_of(fds[i]) == inodes[i]);
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    close_all(fds, n);
    assert_int_equal(read.size, strlen("before") + size);
    assert_memory_equal(read.data + strlen("before"), bytes.data, size);
    // It can be opened only once.
    assert_int_equal(state_handover_open(handover_fd, &read, &fds, &n_read), -ENODATA);
    close(handover_fd);
}

static void test_round_trip(void **state)
{
    check_round_trip(0, 0);
    check_round_trip(1, 5);
    check_round_trip(MANY, 3 << 20);
}

// Closing it unopened closes the descriptors in it.
static void test_closed(void **state)
{
    int ends[2], handover_fd;
    char byte;

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), errno);
    assert_int_equal(state_handover_pack(&SLICE("x"), 1, &ends[0], 1, &handover_fd), 0);
    close(ends[0]);
    assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), -1);
    close(handover_fd);
    assert_int_equal(recv(ends[1], &byte, 1, 0), 0);
    close(ends[1]);
}

// Other kinds of descriptors, and a memory file that is not sealed, are refused.
static void test_refused(void **state)
{
    _cleanup_buf_ struct buf read = {0};
    int *fds;
    size_t n;
    int file = memfd_create("test", MFD_ALLOW_SEALING), ends[2];
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {(char[]){'P'}, 1};
    const struct msghdr message = {.msg_iov = &iov,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof(control)};

    assert_int_equal(state_handover_open(file, &read, &fds, &n), -ENODATA);
    assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), errno);
    assert_int_equal(state_handover_open(ends[1], &read, &fds, &n), -ENODATA);
    memcpy(CMSG_DATA(&control.header), &file, sizeof(int));
    assert_int_equal(sendmsg(ends[0], &message, 0), 1);
    assert_int_equal(state_handover_open(ends[1], &read, &fds, &n), -ENODATA);
    assert_int_equal(read.size, 0);
    close_all(ends, 2);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
