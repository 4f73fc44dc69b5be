// SPDX-License-Identifier: Apache-2.0
#include "tools/progress_bar.h"

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define SECOND USEC_PER_SEC

static void test_text(void **state)
{
    static const struct {
        struct progress_state state;
        size_t width;
        const char *text;
    } rows[] = {
        {{"loading", 0, 1000, 0, 0}, 79, "loading [..............................]   0%"},
        {{"loading", 500, 1000, 0, SECOND},
         79,
         "loading [###############...............]  50%  500 B/s  0:01 left"},
        // The rate is that of the measured part.
        {{"loading", 50000000, 100000000, 40000000, 4 * SECOND},
         79,
         "loading [###############...............]  50%  2.5 MB/s  0:20 left"},
        {{"writing", 250, 1000, 0, 1000 * SECOND},
         79,
         "writing [#######.......................]  25%  0 rows/s  50:00 left"},
        {{"writing", 1, 7201, 0, SECOND},
         79,
         "writing [..............................]   0%  1 rows/s  2:00:00 left"},
        // More than the total.
        {{"copying", 2000, 1000, 2000, SECOND},
         79,
         "copying [##############################] 100%"},
        // The total is not known.
        {{"receiving", 1500000, 0, 0, 2 * SECOND}, 79, "receiving 1.5 MB  750 kB/s"},
        // Nothing can be measured.
        {{"syncing", 0, 0, 0, 61 * SECOND}, 79, "syncing  1:01"},
        // Narrow terminals.
        {{"loading", 500, 1000, 0, SECOND}, 48, "loading 500 B  500 B/s  0:01 left"},
        {{"loading", 500, 1000, 0, SECOND}, 10, "loading 50"},
        {{"loading", 500, 1000, 0, SECOND}, 55, "loading [###....]  50%  500 B/s  0:01 left"},
        // Very large numbers.
        {{"loading", UINT64_MAX, UINT64_MAX, 0, 1},
         79,
         "loading [##############################] 100%  18446744 EB/s  0:00 left"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_buf_ struct buf text = {0};

        progress_bar_put(&text, &rows[i].state, rows[i].width);
        assert_string_equal(buf_cstr(&text), rows[i].text);
    }
}

// The work fails at the step after the signal; the process ends by the signal.
static void test_interrupted(void **state)
{
    const struct progress *progress = progress_bar();
    int status;
    pid_t pid;

    progress_bar_disable();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        progress_bar_catch_signals();
        if (!progress_step(progress, "writing", 1, 2) && !raise(SIGTERM) &&
            progress_step(progress, "writing", 2, 2) == -EINTR) {
            progress_bar_end_if_interrupted();
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_interrupted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
