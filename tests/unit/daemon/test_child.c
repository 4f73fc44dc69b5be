// SPDX-License-Identifier: Apache-2.0
#include "daemon/child.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct outcome {
    sd_event *event;
    unsigned n_ends;
    char error[128];
};

static void on_ended(void *userdata, const char *error)
{
    struct outcome *outcome = userdata;

    outcome->n_ends++;
    snprintf(outcome->error, sizeof(outcome->error), "%s", error ? error : "");
    sd_event_exit(outcome->event, 0);
}

static void test_reported_endings(void **state)
{
    static const struct {
        const char *command;
        const char *error;
    } table[] = {
        {"true", ""},
        {"exit 7", "exit 7: child exited, exit status 7"},
        {"kill -9 $$", "kill -9 $$: child exited, killed (Killed)"},
        {"test -z \"$NOTIFY_SOCKET\"", ""},
        {"/nonexistent 2>/dev/null", "/nonexistent 2>/dev/null: child exited, exit status 127"},
    };

    setenv("NOTIFY_SOCKET", "/nonexistent", 1);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct outcome outcome = {0};
        struct child *child;

        assert_true(sd_event_new(&outcome.event) >= 0);
        assert_int_equal(child_new(outcome.event, table[i].command, on_ended, &outcome, &child), 0);
        assert_true(sd_event_loop(outcome.event) >= 0);
        assert_int_equal(outcome.n_ends, 1);
        assert_string_equal(outcome.error, table[i].error);
        child_free(child);
        sd_event_unref(outcome.event);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reported_endings),
    };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
