// SPDX-License-Identifier: Apache-2.0
// A listening socket on the loop: accepting, pausing, running out of descriptors.
#include "net/acceptor.h"
#include "net_fixture.h"

#include <errno.h>
#include <sys/resource.h>

struct owner {
    struct acceptor acceptor;
    int last;         // what acceptor_take() returned last
    unsigned n_ready; // calls of on_ready()
};

static void on_ready(void *userdata)
{
    struct owner *owner = userdata;
    struct endpoint peer;

    owner->n_ready++;
    owner->last = acceptor_take(&owner->acceptor, &peer);
    if (owner->last >= 0) {
        assert_int_equal(peer.sa.sa_family, AF_UNIX);
        close(owner->last);
    }
}

static void start(struct net_fixture *fixture, struct owner *owner, struct socket_file *file)
{
    _cleanup_free_ char *path = fixture_path(fixture, "acceptor");
    int fd;

    *owner = (struct owner){.acceptor = ACCEPTOR_CLOSED};
    assert_null(socket_file_listen(path, 0700, 8, file, &fd));
    assert_int_equal(acceptor_open(&owner->acceptor, fixture->event, fd, "test", on_ready, owner),
                     0);
}

static void stop(struct owner *owner, struct socket_file *file)
{
    socket_file_remove(file);
    acceptor_close(&owner->acceptor);
    assert_int_equal(owner->acceptor.fd, -1);
    acceptor_resume(&owner->acceptor); // no effect on a closed one
    acceptor_close(&owner->acceptor);
}

static void test_accepts_and_pauses(void **state)
{
    struct net_fixture *fixture = *state;
    struct socket_file file;
    struct owner owner;
    int fds[3];

    start(fixture, &owner, &file);
    assert_int_equal(acceptor_take(&owner.acceptor, NULL), -EAGAIN);
    fds[0] = socket_file_connect(file.path);
    RUN_UNTIL(fixture, owner.n_ready == 1);
    assert_true(owner.last >= 0);
    acceptor_suspend(&owner.acceptor);
    fds[1] = socket_file_connect(file.path);
    fixture_settle(fixture);
    assert_int_equal(owner.n_ready, 1);
    acceptor_resume(&owner.acceptor);
    RUN_UNTIL(fixture, owner.n_ready == 2);
    acceptor_pause(&owner.acceptor, 3600 * USEC_PER_SEC);
    fds[2] = socket_file_connect(file.path);
    fixture_settle(fixture);
    assert_int_equal(owner.n_ready, 2);
    acceptor_pause(&owner.acceptor, USEC_PER_MSEC); // replaces the long pause
    RUN_UNTIL(fixture, owner.n_ready == 3);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    stop(&owner, &file);
}

// Valgrind enforces RLIMIT_NOFILE itself: it accepts the connection, closes it, and returns EMFILE.
static bool accept_loses_connections(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
}

static void test_pauses_without_descriptors(void **state)
{
    struct net_fixture *fixture = *state;
    struct socket_file file;
    struct rlimit limit, none;
    struct owner owner;
    int fd;

    if (accept_loses_connections()) {
        print_message("not under valgrind, which closes the connection that cannot be accepted\n");
        return;
    }
    start(fixture, &owner, &file);
    fd = socket_file_connect(file.path);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){(rlim_t)fd, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    RUN_UNTIL(fixture, owner.n_ready >= 1);
    assert_int_equal(owner.last, -EMFILE); // the connection waits in the kernel's queue
    fixture_settle(fixture);
    assert_int_equal(owner.last, -EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    RUN_UNTIL(fixture, owner.last >= 0);
    close(fd);
    stop(&owner, &file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepts_and_pauses, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_pauses_without_descriptors, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
