// SPDX-License-Identifier: Apache-2.0
// The group commit with its real thread. fdatasync() is replaced: it can be blocked, and it can
// fail.
#include "store_unit.h"

#include "store/group_commit_member.h"

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
static struct group_commit *group_commit;

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
    seen.ticket_when_failed = group_commit_synced(group_commit);
}

static void on_member_failed(struct group_commit_member *member, int error)
{
    seen.n_member_failed++;
}

static const struct group_commit_handler handler = {.synced = on_synced, .failed = on_failed};

static int setup(void **state)
{
    memset(&seen, 0, sizeof(seen));
    n_syncs = 0;
    bad_fd = -1;
    hold = false;
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    group_commit = group_commit_new(&handler, &seen);
    return 0;
}

static int teardown(void **state)
{
    group_commit_free(group_commit);
    sem_destroy(&entered);
    sem_destroy(&go_on);
    return 0;
}

static void wait_and_dispatch(void)
{
    struct pollfd p = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    assert_int_equal(poll(&p, 1, 10000), 1);
    group_commit_dispatch(group_commit);
}

static bool is_ready(void)
{
    struct pollfd p = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void test_group(void **state)
{
    struct group_commit_member a, b;

    group_commit_member_init(&a, group_commit, NULL, 100, NULL, on_member_failed);
    group_commit_member_init(&b, group_commit, NULL, 101, NULL, on_member_failed);
    assert_int_equal(group_commit_issued(group_commit), 0);
    group_commit_flush(group_commit);
    assert_false(is_ready());
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(group_commit_issue(i % 2 ? &a : &b), i);
    }
    assert_int_equal(group_commit_synced(group_commit), 0);
    group_commit_flush(group_commit);
    wait_and_dispatch();
    assert_int_equal(group_commit_synced(group_commit), 10);
    assert_int_equal(seen.ticket, 10);
    assert_int_equal(seen.n_synced, 1);
    assert_int_equal(n_syncs, 2); // one for each file
    group_commit_flush(group_commit);
    assert_false(is_ready());
    group_commit_member_leave(&a);
    group_commit_member_leave(&b);
}

// Tickets issued while a sync runs wait for the next sync, which starts without a further call.
static void test_follows(void **state)
{
    struct group_commit_member a;

    group_commit_member_init(&a, group_commit, NULL, 100, NULL, on_member_failed);
    hold = true;
    group_commit_issue(&a);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    group_commit_issue(&a);
    group_commit_issue(&a);
    group_commit_flush(group_commit);
    group_commit_dispatch(group_commit);
    assert_int_equal(group_commit_synced(group_commit), 0);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(group_commit_synced(group_commit), 1);
    sem_wait(&entered);
    assert_int_equal(group_commit_synced(group_commit), 1);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(group_commit_synced(group_commit), 3);
    assert_int_equal(n_syncs, 2);
    group_commit_member_leave(&a);
}

static void test_failure(void **state)
{
    struct group_commit_member a, b;

    group_commit_member_init(&a, group_commit, (struct store *)&a, 100, NULL, on_member_failed);
    group_commit_member_init(&b, group_commit, (struct store *)&b, 101, NULL, on_member_failed);
    bad_fd = 101;
    hold = true;
    group_commit_issue(&a);
    group_commit_issue(&b);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    group_commit_issue(&b); // no call will sync that
    group_commit_issue(&a);
    sem_post(&go_on);
    sem_wait(&entered);
    hold = false;
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(seen.n_failed, 1);
    assert_ptr_equal(seen.failed, &b);
    assert_int_equal(seen.error, EIO);
    assert_int_equal(seen.ticket_when_failed, 0); // failed() comes before synced()
    assert_int_equal(group_commit_synced(group_commit), 2);
    wait_and_dispatch();
    assert_int_equal(group_commit_synced(group_commit), 4); // for a; b's are dropped
    assert_int_equal(n_syncs, 3);
    assert_int_equal(seen.n_failed, 1);
    assert_int_equal(group_commit_member_wait(&b), -EIO);
    assert_int_equal(group_commit_member_wait(&a), 0);
    group_commit_member_leave(&a);
    group_commit_member_leave(&b);
}

// group_commit_member_wait() returns the result before group_commit_dispatch() reports it.
static void test_wait(void **state)
{
    struct group_commit_member a;

    group_commit_member_init(&a, group_commit, NULL, 100, NULL, on_member_failed);
    assert_int_equal(group_commit_member_wait(&a), 0);
    bad_fd = 100;
    group_commit_issue(&a);
    group_commit_flush(group_commit);
    assert_int_equal(group_commit_member_wait(&a), -EIO);
    assert_int_equal(seen.n_failed, 0);
    group_commit_dispatch(group_commit);
    assert_int_equal(seen.n_failed, 1);
    group_commit_member_leave(&a);
}

// If the caller has synced the member itself, the group commit only reports its tickets as synced.
static void test_synced_elsewhere(void **state)
{
    struct group_commit_member a;

    group_commit_member_init(&a, group_commit, NULL, 100, NULL, on_member_failed);
    group_commit_issue(&a);
    group_commit_issue(&a);
    group_commit_member_synced(&a);
    wait_and_dispatch();
    assert_int_equal(seen.ticket, 2);
    assert_int_equal(n_syncs, 0);
    // A member leaves during a sync that fails: failed() is not called.
    bad_fd = 100;
    group_commit_issue(&a);
    group_commit_flush(group_commit);
    group_commit_member_leave(&a);
    memset(&a, 0xee, sizeof(a));
    wait_and_dispatch();
    assert_int_equal(seen.ticket, 3);
    assert_int_equal(seen.n_failed, 0);
}

static void test_drain(void **state)
{
    struct group_commit_member a, b;

    group_commit_member_init(&a, group_commit, NULL, 100, NULL, on_member_failed);
    group_commit_member_init(&b, group_commit, NULL, 101, NULL, on_member_failed);
    group_commit_drain(group_commit);
    bad_fd = 101;
    group_commit_issue(&a);
    group_commit_flush(group_commit);
    group_commit_issue(&b);
    group_commit_issue(&a);
    group_commit_drain(group_commit);
    assert_int_equal(group_commit_synced(group_commit), 3);
    assert_int_equal(seen.n_failed, 1);
    group_commit_member_leave(&a);
    group_commit_member_leave(&b);
}

static void test_in_line(void **state)
{
    struct group_commit *in_line = group_commit_new(NULL, NULL);
    struct group_commit_member a;

    group_commit_member_init(&a, in_line, NULL, 100, NULL, on_member_failed);
    assert_int_equal(group_commit_fd(in_line), -1);
    group_commit_issue(&a);
    assert_int_equal(group_commit_synced(in_line), 0);
    group_commit_flush(in_line);
    assert_int_equal(group_commit_synced(in_line), 1);
    assert_int_equal(n_syncs, 1);
    bad_fd = 100;
    group_commit_issue(&a);
    group_commit_drain(in_line);
    assert_int_equal(seen.n_member_failed, 1);
    group_commit_member_leave(&a);
    group_commit_free(in_line);
    group_commit_free(NULL);
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
