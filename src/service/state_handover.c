// SPDX-License-Identifier: Apache-2.0
// The descriptor is one end of a socket pair whose other end is closed. Messages with descriptors
// are queued in it: first the descriptor of a sealed memory file with the bytes, then the others.
// The kernel keeps the messages until they are read or the socket is closed.
#include "service/state_handover.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MAX_FDS_IN_MESSAGE 250 // the kernel allows 253
#define BUFFER_SIZE        (1 << 20)
#define SEALS              (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static int write_all(int fd, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        n = MAX(n, (ssize_t)0);
        bytes = (struct slice){bytes.data + n, bytes.size - (size_t)n};
    }
    return 0;
}

// Makes a sealed memory file of the parts.
static int make_sealed_file(const struct slice *parts, size_t n_parts, int *ret_fd)
{
    _cleanup_close_ int fd = memfd_create("state handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = fd < 0 ? -errno : 0;

    for (size_t i = 0; i < n_parts && r >= 0; i++) {
        r = write_all(fd, parts[i]);
    }
    if (r >= 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
        r = -errno;
    }
    if (r >= 0) {
        *ret_fd = TAKE_FD(fd);
    }
    return r;
}

union control {
    char bytes[CMSG_SPACE(MAX_FDS_IN_MESSAGE * sizeof(int))];
    struct cmsghdr header;
};

static int send_fds(int socket_fd, const int *fds, size_t n)
{
    union control control = {.bytes = {0}};
    struct iovec iov = {(char[]){'P'}, 1}; // a message needs at least one byte
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(n * sizeof(int))};

    assert(n && n <= MAX_FDS_IN_MESSAGE);
    control.header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
    memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
    return sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int state_handover_pack(const struct slice *parts, size_t n_parts, const int *fds, size_t n,
                        int *ret_fd)
{
    _cleanup_close_ int bytes_fd = -1, in = -1, out = -1;
    int size = BUFFER_SIZE;
    int ends[2];
    int r;

    assert(n <= STATE_HANDOVER_MAX_FDS);
    r = make_sealed_file(parts, n_parts, &bytes_fd);
    if (r < 0) {
        return r;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return -errno;
    }
    in = ends[0];
    out = ends[1];
    setsockopt(in, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    r = send_fds(in, &bytes_fd, 1);
    for (size_t i = 0; i < n && r >= 0; i += MAX_FDS_IN_MESSAGE) {
        r = send_fds(in, fds + i, MIN(n - i, (size_t)MAX_FDS_IN_MESSAGE));
    }
    if (r >= 0) {
        *ret_fd = TAKE_FD(out);
    }
    return r;
}

struct fd_list {
    int *fds;
    size_t n, capacity;
};

static void fd_list_done(struct fd_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        close(list->fds[i]);
    }
    free(list->fds);
}

// Receives one message. Returns false if there is none.
static bool receive_fds(int socket_fd, struct fd_list *list)
{
    union control control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    for (struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; header;
         header = CMSG_NXTHDR(&message, header)) {
        size_t n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; header->cmsg_type == SCM_RIGHTS && i < n_fds; i++) {
            GROW(list->fds, list->n, list->capacity);
            memcpy(&list->fds[list->n++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        }
    }
    return n > 0;
}

static int read_sealed(int fd, struct buf *bytes)
{
    struct stat st;
    size_t done = 0, size;

    if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &st) < 0) {
        return -ENODATA;
    }
    size = (size_t)st.st_size;
    if (size) {
        buf_reserve(bytes, size);
    }
    while (done < size) {
        ssize_t n = pread(fd, bytes->data + bytes->size + done, size - done, (off_t)done);

        if (n <= 0) {
            return n ? -errno : -EIO;
        }
        done += (size_t)n;
    }
    bytes->size += size;
    return 0;
}

int state_handover_open(int fd, struct buf *bytes, int **ret_fds, size_t *ret_n)
{
    _cleanup_(fd_list_done) struct fd_list list = {0};
    int r;

    while (receive_fds(fd, &list)) {
    }
    r = list.n ? read_sealed(list.fds[0], bytes) : -ENODATA;
    if (r >= 0) {
        close(list.fds[0]);
        *ret_n = --list.n;
        memmove(list.fds, list.fds + 1, list.n * sizeof(int));
        *ret_fds = TAKE_PTR(list.fds);
        list.n = 0;
    }
    return r;
}
