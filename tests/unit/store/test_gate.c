// SPDX-License-Identifier: Apache-2.0
// The gate with its real thread. fdatasync() is ours: it can be held up, and it can fail.
#include "store_unit.h"

#include "store/gate_member.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

static atomic_int n_syncs;
static atomic_int last_fd;
static atomic_int bad_fd; // fails
static bool hold;
static sem_t entered, go_on;

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    n_syncs++;
    last_fd = fd;
    if (hold) {
        sem_post(&entered);
        sem_wait(&go_on);
    }
    if (fd == bad_fd) {
        errno = EIO;
        return -1;
    }
    return 0;
}

struct seen {
    uint64_t ticket;
    unsigned n_synced;
    struct store *failed;
    unsigned n_failed;
    uint64_t ticket_when_failed;
    int error;
    unsigned n_member_failed;
};
static struct seen seen;
static struct gate *gate;

static void on_synced(void *userdata, uint64_t ticket)
{
    assert_ptr_equal(userdata, &seen);
    assert_true(ticket > seen.ticket);
    seen.ticket = ticket;
    seen.n_synced++;
}

static void on_failed(void *userdata, struct store *store, int error)
{
    assert_ptr_equal(userdata, &seen);
    assert_int_equal(seen.n_member_failed, seen.n_failed + 1); // the store knows already
    seen.failed = store;
    seen.error = error;
    seen.n_failed++;
    seen.ticket_when_failed = gate_synced(gate);
}

static void on_member_failed(struct gate_member *member, int error)
{
    seen.n_member_failed++;
}

static const struct gate_handler handler = {.synced = on_synced, .failed = on_failed};

static int setup(void **state)
{
    memset(&seen, 0, sizeof(seen));
    n_syncs = 0;
    bad_fd = -1;
    hold = false;
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    gate = gate_new(&handler, &seen);
    return 0;
}

static int teardown(void **state)
{
    gate_free(gate);
    sem_destroy(&entered);
    sem_destroy(&go_on);
    return 0;
}

static void wait_and_dispatch(void)
{
    struct pollfd p = {.fd = gate_fd(gate), .events = POLLIN};

    assert_int_equal(poll(&p, 1, 10000), 1);
    gate_dispatch(gate);
}

static bool is_ready(void)
{
    struct pollfd p = {.fd = gate_fd(gate), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void test_group(void **state)
{
    struct gate_member a, b;

    gate_member_init(&a, gate, NULL, 100, NULL, on_member_failed);
    gate_member_init(&b, gate, NULL, 101, NULL, on_member_failed);
    assert_int_equal(gate_issued(gate), 0);
    gate_flush(gate);
    assert_false(is_ready());
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(gate_issue(i % 2 ? &a : &b), i);
    }
    assert_int_equal(gate_synced(gate), 0);
    gate_flush(gate);
    wait_and_dispatch();
    assert_int_equal(gate_synced(gate), 10);
    assert_int_equal(seen.ticket, 10);
    assert_int_equal(seen.n_synced, 1);
    assert_int_equal(n_syncs, 2); // one for each file
    gate_flush(gate);
    assert_false(is_ready());
    gate_member_leave(&a);
    gate_member_leave(&b);
}

// What is issued while a sync runs waits for the next one, which follows by itself.
static void test_follows(void **state)
{
    struct gate_member a;

    gate_member_init(&a, gate, NULL, 100, NULL, on_member_failed);
    hold = true;
    gate_issue(&a);
    gate_flush(gate);
    sem_wait(&entered);
    gate_issue(&a);
    gate_issue(&a);
    gate_flush(gate);
    gate_dispatch(gate);
    assert_int_equal(gate_synced(gate), 0);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(gate_synced(gate), 1);
    sem_wait(&entered);
    assert_int_equal(gate_synced(gate), 1);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(gate_synced(gate), 3);
    assert_int_equal(n_syncs, 2);
    gate_member_leave(&a);
}

static void test_failure(void **state)
{
    struct gate_member a, b;

    gate_member_init(&a, gate, (struct store *)&a, 100, NULL, on_member_failed);
    gate_member_init(&b, gate, (struct store *)&b, 101, NULL, on_member_failed);
    bad_fd = 101;
    hold = true;
    gate_issue(&a);
    gate_issue(&b);
    gate_flush(gate);
    sem_wait(&entered);
    gate_issue(&b); // nobody will sync that
    gate_issue(&a);
    sem_post(&go_on);
    sem_wait(&entered);
    hold = false;
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(seen.n_failed, 1);
    assert_ptr_equal(seen.failed, &b);
    assert_int_equal(seen.error, EIO);
    assert_int_equal(seen.ticket_when_failed, 0); // failed() comes before synced()
    assert_int_equal(gate_synced(gate), 2);
    wait_and_dispatch();
    assert_int_equal(gate_synced(gate), 4); // for a; b's are dropped
    assert_int_equal(n_syncs, 3);
    assert_int_equal(seen.n_failed, 1);
    assert_int_equal(gate_member_wait(&b), -EIO);
    assert_int_equal(gate_member_wait(&a), 0);
    gate_member_leave(&a);
    gate_member_leave(&b);
}

// A member that waits learns the result before it is dispatched.
static void test_wait(void **state)
{
    struct gate_member a;

    gate_member_init(&a, gate, NULL, 100, NULL, on_member_failed);
    assert_int_equal(gate_member_wait(&a), 0);
    bad_fd = 100;
    gate_issue(&a);
    gate_flush(gate);
    assert_int_equal(gate_member_wait(&a), -EIO);
    assert_int_equal(seen.n_failed, 0);
    gate_dispatch(gate);
    assert_int_equal(seen.n_failed, 1);
    gate_member_leave(&a);
}

// Synced by other means: nothing is left to do but to say so.
static void test_synced_elsewhere(void **state)
{
    struct gate_member a;

    gate_member_init(&a, gate, NULL, 100, NULL, on_member_failed);
    gate_issue(&a);
    gate_issue(&a);
    gate_member_synced(&a);
    wait_and_dispatch();
    assert_int_equal(seen.ticket, 2);
    assert_int_equal(n_syncs, 0);
    // One leaves in the middle of a sync that fails: nobody is told.
    bad_fd = 100;
    gate_issue(&a);
    gate_flush(gate);
    gate_member_leave(&a);
    memset(&a, 0xee, sizeof(a));
    wait_and_dispatch();
    assert_int_equal(seen.ticket, 3);
    assert_int_equal(seen.n_failed, 0);
}

static void test_drain(void **state)
{
    struct gate_member a, b;

    gate_member_init(&a, gate, NULL, 100, NULL, on_member_failed);
    gate_member_init(&b, gate, NULL, 101, NULL, on_member_failed);
    gate_drain(gate);
    bad_fd = 101;
    gate_issue(&a);
    gate_flush(gate);
    gate_issue(&b);
    gate_issue(&a);
    gate_drain(gate);
    assert_int_equal(gate_synced(gate), 3);
    assert_int_equal(seen.n_failed, 1);
    gate_member_leave(&a);
    gate_member_leave(&b);
}

static void test_in_line(void **state)
{
    struct gate *in_line = gate_new(NULL, NULL);
    struct gate_member a;

    gate_member_init(&a, in_line, NULL, 100, NULL, on_member_failed);
    assert_int_equal(gate_fd(in_line), -1);
    gate_issue(&a);
    assert_int_equal(gate_synced(in_line), 0);
    gate_flush(in_line);
    assert_int_equal(gate_synced(in_line), 1);
    assert_int_equal(n_syncs, 1);
    bad_fd = 100;
    gate_issue(&a);
    gate_drain(in_line);
    assert_int_equal(seen.n_member_failed, 1);
    gate_member_leave(&a);
    gate_free(in_line);
    gate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_synced_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_line, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
