// SPDX-License-Identifier: Apache-2.0
// The group commit with its real threads. fdatasync() is replaced: it can be blocked, and it can
// fail.
#include "store_unit.h"

#include "store/group_commit_member.h"
#include "store/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

static atomic_int n_syncs;
static atomic_int bad_fd; // fails
static atomic_int held;   // syncs of this file wait for `go_on`, those of all files if it is ALL
static sem_t entered, go_on;

#define ALL 0

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    n_syncs++;
    if (held == ALL || held == fd) {
        sem_post(&entered);
        sem_wait(&go_on);
    }
    if (fd == bad_fd) {
        errno = EIO;
        return -1;
    }
    return 0;
}

// A store, as the group commit sees it. fdatasync() does not look at the descriptor.
struct file {
    struct group_commit_member member;
    struct positions positions;
    unsigned n_failed;
};

static struct group_commit *group_commit;
static struct store *failed;
static int failed_error;
static unsigned n_failed;

static void on_failed(void *userdata, struct store *store, int error)
{
    const struct file *file = (const struct file *)store;

    assert_ptr_equal(userdata, &n_failed);
    assert_int_equal(file->n_failed, 1); // the store knows already
    assert_int_equal(file->positions.durable, file->positions.issued);
    failed = store;
    failed_error = error;
    n_failed++;
}

static void on_member_failed(struct group_commit_member *member, int error)
{
    CONTAINER_OF(member, struct file, member)->n_failed++;
}

static int setup(void **state)
{
    n_syncs = 0;
    bad_fd = held = -1;
    n_failed = 0;
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    group_commit = group_commit_new(on_failed, &n_failed);
    return 0;
}

static int teardown(void **state)
{
    group_commit_free(group_commit);
    sem_destroy(&entered);
    sem_destroy(&go_on);
    return 0;
}

static void file_init(struct file *file, struct group_commit *group, int fd)
{
    *file = (struct file){0};
    positions_init(&file->positions);
    group_commit_member_init(&file->member, group, (struct store *)file, &file->positions, NULL,
                             on_member_failed);
    file->member.fd = fd;
}

static void file_done(struct file *file)
{
    group_commit_member_leave(&file->member);
    memset(file, 0xee, sizeof(*file));
}

static void wait_and_dispatch(void)
{
    struct pollfd p = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    assert_int_equal(poll(&p, 1, 10000), 1);
    group_commit_dispatch(group_commit);
}

static void wait_for(const uint64_t *value, uint64_t expected)
{
    while (*value != expected) {
        wait_and_dispatch();
    }
}

static bool is_ready(void)
{
    struct pollfd p = {.fd = group_commit_fd(group_commit), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void test_group(void **state)
{
    struct file a, b;

    file_init(&a, group_commit, 100);
    file_init(&b, group_commit, 101);
    group_commit_flush(group_commit);
    assert_false(is_ready());
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(group_commit_issue(&a.member), i);
    }
    assert_int_equal(group_commit_issue(&b.member), 1); // each has positions of its own
    group_commit_flush(group_commit);
    wait_for(&a.positions.durable, 10);
    wait_for(&b.positions.durable, 1);
    assert_int_equal(n_syncs, 2); // one for each file
    group_commit_flush(group_commit);
    assert_false(is_ready());
    file_done(&a);
    file_done(&b);
}

// Positions issued while a sync runs wait for the next sync, which starts without a further call.
static void test_follows(void **state)
{
    struct file a;

    file_init(&a, group_commit, 100);
    held = ALL;
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    group_commit_issue(&a.member);
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    group_commit_dispatch(group_commit);
    assert_int_equal(a.positions.durable, 0);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(a.positions.durable, 1);
    sem_wait(&entered);
    assert_int_equal(a.positions.durable, 1);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(a.positions.durable, 3);
    assert_int_equal(n_syncs, 2);
    file_done(&a);
}

// A file whose sync takes long does not delay the others.
static void test_slow(void **state)
{
    struct file slow, fast;

    file_init(&slow, group_commit, 100);
    file_init(&fast, group_commit, 101);
    held = 100;
    group_commit_issue(&slow.member);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    for (uint64_t i = 1; i <= 5; i++) {
        group_commit_issue(&fast.member);
        group_commit_issue(&slow.member);
        group_commit_flush(group_commit);
        wait_for(&fast.positions.durable, i);
    }
    assert_int_equal(slow.positions.durable, 0);
    assert_int_equal(n_syncs, 6); // the slow one is in its first
    held = -1;
    sem_post(&go_on);
    wait_for(&slow.positions.durable, 6);
    assert_int_equal(n_syncs, 7);
    file_done(&slow);
    file_done(&fast);
}

// More slow files than threads: all are synced in the end.
static void test_many(void **state)
{
    enum { N = 2 * SYNC_THREADS_MAX };
    struct file files[N];

    held = ALL;
    for (int i = 0; i < N; i++) {
        file_init(&files[i], group_commit, 100 + i);
        group_commit_issue(&files[i].member);
    }
    group_commit_flush(group_commit);
    for (int i = 0; i < SYNC_THREADS_MAX; i++) {
        sem_wait(&entered);
    }
    assert_int_equal(n_syncs, SYNC_THREADS_MAX);
    for (int i = 0; i < N; i++) {
        sem_post(&go_on);
    }
    group_commit_drain(group_commit);
    for (int i = 0; i < N; i++) {
        assert_int_equal(files[i].positions.durable, 1);
        file_done(&files[i]);
    }
    assert_int_equal(n_syncs, N);
}

static struct position_waiter waiter;
static unsigned n_lost, n_durable;

static void on_settled(struct position_waiter *settled, bool is_lost)
{
    assert_ptr_equal(settled, &waiter);
    *(is_lost ? &n_lost : &n_durable) += 1;
}

// A failed sync loses the positions of its file, those that were issued later included.
static void test_failure(void **state)
{
    struct file a, b;

    n_lost = n_durable = 0;
    file_init(&a, group_commit, 100);
    file_init(&b, group_commit, 101);
    bad_fd = held = 101;
    group_commit_issue(&a.member);
    group_commit_issue(&b.member);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    group_commit_issue(&b.member); // no sync will follow
    position_wait(positions_last(&b.positions), &waiter, on_settled);
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    wait_for(&a.positions.durable, 2);
    assert_int_equal(n_failed + n_lost, 0);
    sem_post(&go_on);
    wait_and_dispatch();
    assert_int_equal(n_failed, 1);
    assert_ptr_equal(failed, &b);
    assert_int_equal(failed_error, EIO);
    assert_int_equal(n_lost, 1);
    assert_int_equal(n_durable, 0);
    group_commit_issue(&a.member);
    group_commit_drain(group_commit);
    assert_int_equal(a.positions.durable, 3);
    assert_int_equal(n_syncs, 4);
    assert_int_equal(group_commit_member_wait(&b.member), -EIO);
    assert_int_equal(group_commit_member_wait(&a.member), 0);
    file_done(&a);
    file_done(&b);
}

// group_commit_member_wait() returns the result before group_commit_dispatch() reports it.
static void test_wait(void **state)
{
    struct file a;

    file_init(&a, group_commit, 100);
    assert_int_equal(group_commit_member_wait(&a.member), 0);
    bad_fd = 100;
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    assert_int_equal(group_commit_member_wait(&a.member), -EIO);
    assert_int_equal(n_failed, 0);
    group_commit_dispatch(group_commit);
    assert_int_equal(n_failed, 1);
    file_done(&a);
}

// If the caller has synced the member itself, the group commit does not sync it.
static void test_synced_elsewhere(void **state)
{
    struct file a;

    file_init(&a, group_commit, 100);
    group_commit_issue(&a.member);
    group_commit_issue(&a.member);
    group_commit_member_synced(&a.member);
    assert_int_equal(a.positions.durable, 2);
    group_commit_flush(group_commit);
    assert_false(is_ready());
    assert_int_equal(n_syncs, 0);
    file_done(&a);
}

// A member leaves during a sync that fails: it gets the error, and failed() is not called.
static void test_leave(void **state)
{
    struct file a;

    file_init(&a, group_commit, 100);
    bad_fd = held = 100;
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    group_commit_issue(&a.member);
    sem_post(&go_on);
    assert_int_equal(group_commit_member_leave(&a.member), -EIO);
    memset(&a, 0xee, sizeof(a));
    wait_and_dispatch();
    group_commit_drain(group_commit);
    assert_int_equal(n_failed, 0);
    assert_int_equal(n_syncs, 1);
}

// Files that the member no longer uses are closed when the sync that uses them has ended.
static void test_close(void **state)
{
    int fds[3] = {open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY),
                  open("/dev/null", O_RDONLY)};
    struct file a;

    file_init(&a, group_commit, fds[0]);
    a.member.twin_fd = fds[1];
    held = fds[0];
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    sem_wait(&entered);
    for (int i = 0; i < 3; i++) {
        group_commit_member_close(&a.member, fds[i]);
    }
    assert_int_not_equal(fcntl(fds[0], F_GETFD), -1);
    assert_int_not_equal(fcntl(fds[1], F_GETFD), -1);
    sem_post(&go_on);
    wait_for(&a.positions.durable, 1);
    jobs_finish(group_commit_jobs(group_commit));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), -1);
    }
    file_done(&a);
}

static void test_drain(void **state)
{
    struct file a, b;

    file_init(&a, group_commit, 100);
    file_init(&b, group_commit, 101);
    group_commit_drain(group_commit);
    bad_fd = 101;
    group_commit_issue(&a.member);
    group_commit_flush(group_commit);
    group_commit_issue(&b.member);
    group_commit_issue(&a.member);
    group_commit_drain(group_commit);
    assert_int_equal(a.positions.durable, 2);
    assert_int_equal(n_failed, 1);
    file_done(&a);
    file_done(&b);
}

static void test_in_line(void **state)
{
    struct group_commit *in_line = group_commit_new(NULL, NULL);
    struct file a;

    file_init(&a, in_line, 100);
    assert_int_equal(group_commit_fd(in_line), -1);
    group_commit_issue(&a.member);
    assert_int_equal(a.positions.durable, 0);
    group_commit_flush(in_line);
    assert_int_equal(a.positions.durable, 1);
    assert_int_equal(n_syncs, 1);
    bad_fd = 100;
    group_commit_issue(&a.member);
    group_commit_drain(in_line);
    assert_int_equal(a.n_failed, 1);
    file_done(&a);
    group_commit_free(in_line);
    group_commit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_synced_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_line, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
