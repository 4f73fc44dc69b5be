// SPDX-License-Identifier: Apache-2.0
#include "service/options.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

// Parses the words as a program does. Returns 0, or negative errno with *ret_error.
static int parse(struct service_options *options, const char **argv, char **ret_error)
{
    static const struct option table[] = {SERVICE_LONG_OPTIONS, {NULL, 0, NULL, 0}};
    int argc = 0;
    int c;

    while (argv[argc]) {
        argc++;
    }
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, (char **)argv, "v::", table, NULL)) != -1) {
        int r = service_options_handle(options, c, optarg, ret_error);

        if (r <= 0) {
            return r ? r : -ENOENT;
        }
    }
    return 0;
}

#define PARSE(options, error, ...)                                                                 \
    ({                                                                                             \
        const char *argv_[] = {"program", ##__VA_ARGS__, NULL};                                    \
        parse(options, argv_, error);                                                              \
    })

static void test_daemon(void **state)
{
    struct service_options options = {0};
    char *error = NULL;

    assert_int_equal(PARSE(&options, &error), 0);
    assert_false(options.daemonize.detach);
    assert_null(options.daemonize.pidfile);
    assert_int_equal(PARSE(&options, &error, "--detach", "--monitor", "--no-chdir",
                           "--overwrite-pidfile", "--no-self-confinement", "--pidfile=x.pid"),
                     0);
    assert_true(options.daemonize.detach);
    assert_true(options.daemonize.monitor);
    assert_true(options.daemonize.no_chdir);
    assert_true(options.daemonize.overwrite_pidfile);
    assert_string_equal(options.daemonize.pidfile, "/run/x/x.pid");
    assert_int_equal(PARSE(&options, &error, "--pidfile=/a/b.pid"), 0);
    assert_string_equal(options.daemonize.pidfile, "/a/b.pid");
    assert_int_equal(PARSE(&options, &error, "--pidfile"), 0);
    assert_string_equal(options.daemonize.pidfile, "/run/x/test_service_options.pid");
    service_options_done(&options);
}

static void test_control_path(void **state)
{
    static const struct {
        const char *unixctl;
        const char *expected;
    } table[] = {
        {"none", NULL},
        {"a.ctl", "/run/x/a.ctl"},
        {"/b/c", "/b/c"},
    };
    char *expected = xasprintf("/run/x/prog.%ld.ctl", (long)getpid());
    struct service_options options = {0};
    char *path = service_options_control_path(&options, "prog");

    assert_string_equal(path, expected);
    free(path);
    free(expected);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        char *word = xasprintf("--unixctl=%s", table[i].unixctl);
        char *error = NULL;

        assert_int_equal(PARSE(&options, &error, word), 0);
        path = service_options_control_path(&options, "prog");
        if (table[i].expected) {
            assert_string_equal(path, table[i].expected);
        } else {
            assert_null(path);
        }
        free(path);
        free(word);
    }
    service_options_done(&options);
}

static void test_logging(void **state)
{
    struct service_options options = {0};
    struct log_module *module = log_module_get("options_test");
    char *error = NULL;

    assert_int_equal(PARSE(&options, &error, "-vconsole:off", "--verbose=file:err", "-v",
                           "-vsyslog:emer", "--syslog-method=null"),
                     0);
    assert_int_equal(module->levels[LOG_TO_CONSOLE], LOG_LEVEL_DBG);
    assert_int_equal(module->levels[LOG_TO_SYSLOG], LOG_LEVEL_EMER);
    assert_int_equal(PARSE(&options, &error, "-vPATTERN:console:%p %m", "-voff"), 0);
    assert_false(options.log_to_file);
    assert_int_equal(PARSE(&options, &error, "--log-file"), 0);
    assert_true(options.log_to_file);
    assert_null(options.log_file);
    assert_int_equal(PARSE(&options, &error, "--log-file=/nonexistent/x"), 0);
    // A log file that cannot be opened is only a warning.
    assert_int_equal(service_options_apply(&options, &error), 0);
    assert_int_equal(vlog_file_error(), ENOENT);
    service_options_done(&options);
}

static void test_errors(void **state)
{
    static const struct {
        const char *word;
        const char *error;
    } table[] = {
        {"-vfoo", "processing \"foo\": no destination, level, or module \"foo\""},
        {"--verbose=PATTERN:x", "processing \"PATTERN:x\": unknown destination \"x\""},
        {"--syslog-method=tcp", "tcp: not a syslog method (libc, null, unix:FILE or udp:IP:PORT)"},
        {"--syslog-target=host",
         "udp:host: not a syslog method (libc, null, unix:FILE or udp:IP:PORT)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct service_options options = {0};
        char *error = NULL;

        assert_int_equal(PARSE(&options, &error, table[i].word), -EINVAL);
        assert_string_equal(error, table[i].error);
        free(error);
        service_options_done(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon),
        cmocka_unit_test(test_control_path),
        cmocka_unit_test(test_logging),
        cmocka_unit_test(test_errors),
    };
    int r;

    setenv("OVS_RUNDIR", "/run/x", 1);
    vlog_init("options");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    vlog_done();
    return r;
}
