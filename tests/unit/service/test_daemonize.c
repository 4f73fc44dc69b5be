// SPDX-License-Identifier: Apache-2.0
// Each scenario runs in a forked process, which represents the program as started in a shell. Its
// worker reports through a pipe, one word for each event.
#include "service/daemonize.h"
#include "service/pidfile.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static char folder[] = "/tmp/ovsdbd-daemonize-XXXXXX";

struct scenario {
    struct daemonize_options options;
    void (*work)(int report); // in the worker, after daemonize_start()
    int report[2];
    pid_t program;
};

static void say(int fd, const char *word)
{
    if (write(fd, word, strlen(word)) < 0) {
        _exit(9);
    }
}

// Reads as many bytes from the pipe as `expected` has, and compares.
static void expect_words(struct scenario *scenario, const char *expected)
{
    char text[256];
    size_t size = 0;

    while (size < strlen(expected)) {
        ssize_t n = read(scenario->report[0], text + size, strlen(expected) - size);

        assert_true(n > 0);
        size += (size_t)n;
    }
    assert_slice_is((struct slice){text, size}, expected);
}

static void start(struct scenario *scenario)
{
    assert_int_equal(pipe2(scenario->report, O_CLOEXEC), 0);
    scenario->program = fork();
    assert_true(scenario->program >= 0);
    if (!scenario->program) {
        struct failure *failure;

        close(scenario->report[0]);
        log_set_level(NULL, -1, LOG_LEVEL_OFF);
        failure = daemonize_start(&scenario->options);
        if (failure) {
            failure_free(failure);
            say(scenario->report[1], "[error]");
            exit(1);
        }
        scenario->work(scenario->report[1]);
        exit(0);
    }
    close(scenario->report[1]);
}

// Returns the exit status of the process as the shell sees it.
static int program_status(struct scenario *scenario)
{
    int status;

    assert_int_equal(waitpid(scenario->program, &status, 0), scenario->program);
    return status;
}

// The pipe is at its end when every process of the scenario has ended.
static void expect_end(struct scenario *scenario)
{
    char byte;

    assert_int_equal(read(scenario->report[0], &byte, 1), 0);
    close(scenario->report[0]);
}

static void work_once(int report)
{
    char here[256];

    say(report, "[work]");
    daemonize_ready();
    say(report, getcwd(here, sizeof(here)) && !strcmp(here, "/") ? "[root]" : "[elsewhere]");
}

static void test_foreground(void **state)
{
    struct scenario scenario = {.work = work_once};

    start(&scenario);
    expect_words(&scenario, "[work][elsewhere]");
    assert_int_equal(program_status(&scenario), 0);
    expect_end(&scenario);
}

static void test_detach(void **state)
{
    struct scenario scenario = {.options = {.detach = true}, .work = work_once};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 0);
    expect_words(&scenario, "[work][root]");
    expect_end(&scenario);
}

static void test_no_chdir(void **state)
{
    struct scenario scenario = {.options = {.detach = true, .no_chdir = true}, .work = work_once};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 0);
    expect_words(&scenario, "[work][elsewhere]");
    expect_end(&scenario);
}

static void work_fail(int report)
{
    exit(7);
}

static void test_detach_reports_failure(void **state)
{
    struct scenario scenario = {.options = {.detach = true}, .work = work_fail};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 7 << 8);
    expect_end(&scenario);
}

static void work_die(int report)
{
    raise(SIGKILL);
}

static void test_detach_reports_death(void **state)
{
    struct scenario scenario = {.options = {.detach = true}, .work = work_die};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 1 << 8);
    expect_end(&scenario);
}

static void work_wait(int report)
{
    daemonize_ready();
    say(report, "[ready]");
    pause();
}

// The pid file has the pid of the worker, and exists when the parent has exited.
static void test_pidfile(void **state)
{
    char *path = xasprintf("%s/w.pid", folder);
    struct scenario scenario = {.options = {.detach = true, .pidfile = path}, .work = work_wait};
    struct scenario second = {.options = {.detach = true, .pidfile = path}, .work = work_wait};
    pid_t pid;

    start(&scenario);
    assert_int_equal(program_status(&scenario), 0);
    assert_int_equal(pidfile_read(path, &pid), 0);
    start(&second);
    assert_int_equal(program_status(&second), 1 << 8);
    expect_words(&second, "[error]");
    expect_end(&second);
    expect_words(&scenario, "[ready]");
    kill(pid, SIGKILL);
    expect_end(&scenario);
    unlink(path);
    free(path);
}

// The first worker crashes, the second one exits with 0.
static void work_crash_once(int report)
{
    _cleanup_free_ char *path = xasprintf("%s/crashed", folder);
    _cleanup_close_ int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

    if (fd >= 0) {
        say(report, "[crash]");
        daemonize_ready();
        abort();
    }
    unlink(path);
    daemonize_ready();
    say(report, "[again]");
}

static void test_monitor_restarts(void **state)
{
    struct scenario scenario = {.options = {.detach = true, .monitor = true},
                                .work = work_crash_once};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 0);
    expect_words(&scenario, "[crash][again]");
    expect_end(&scenario);
}

// If a worker ends without a crash, the monitor ends with the same status.
static void test_monitor_ends(void **state)
{
    struct scenario scenario = {.options = {.monitor = true}, .work = work_fail};
    struct scenario killed = {.options = {.monitor = true}, .work = work_wait};

    start(&scenario);
    assert_int_equal(program_status(&scenario), 7 << 8);
    expect_end(&scenario);

    start(&killed);
    expect_words(&killed, "[ready]");
    kill(killed.program, SIGTERM); // handed on to the worker
    assert_int_equal(program_status(&killed), 1 << 8);
    expect_end(&killed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreground),
        cmocka_unit_test(test_detach),
        cmocka_unit_test(test_no_chdir),
        cmocka_unit_test(test_detach_reports_failure),
        cmocka_unit_test(test_detach_reports_death),
        cmocka_unit_test(test_pidfile),
        cmocka_unit_test(test_monitor_restarts),
        cmocka_unit_test(test_monitor_ends),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
