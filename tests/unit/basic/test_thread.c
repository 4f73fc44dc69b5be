// SPDX-License-Identifier: Apache-2.0
// A helper thread has the given name and blocks all signals. The mask of the caller does not
// change.
#include "basic/thread.h"
#include "unit.h"

#include <semaphore.h>
#include <signal.h>
#include <string.h>

struct seen {
    sem_t may_end;
    char name[16];
    bool takes_signals;
};

static void *look_mt(void *userdata)
{
    struct seen *seen = userdata;
    sigset_t mask;

    while (sem_wait(&seen->may_end)) {
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->takes_signals = !sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGCHLD);
    return seen;
}

static void test_takes_no_signals(void **state)
{
    struct seen seen = {.takes_signals = true};
    pthread_t thread;
    sigset_t mask;
    void *result;

    sem_init(&seen.may_end, 0, 0);
    assert_int_equal(thread_start(&thread, "helper", look_mt, &seen), 0);
    assert_int_equal(pthread_getname_np(thread, seen.name, sizeof(seen.name)), 0);
    sem_post(&seen.may_end);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &seen);
    assert_string_equal(seen.name, "helper");
    assert_false(seen.takes_signals);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_no_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
