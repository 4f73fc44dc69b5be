// SPDX-License-Identifier: Apache-2.0
#include "service/options.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

// Parses the words as a program does. False: a word is refused, with the reason in
// *ret_failure, or getopt_long() does not know it.
static bool parse(struct service_options *options, const char **argv, struct failure **ret_failure)
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
        if (!service_options_handle(options, c, optarg, ret_failure) || *ret_failure) {
            return false;
        }
    }
    return true;
}

#define PARSE(options, failure, ...)                                                               \
    ({                                                                                             \
        const char *argv_[] = {"program", ##__VA_ARGS__, NULL};                                    \
        parse(options, argv_, failure);                                                            \
    })

static void test_daemon(void **state)
{
    struct service_options options = {0};
    struct failure *failure = NULL;

    assert_true(PARSE(&options, &failure));
    assert_false(options.daemonize.detach);
    assert_null(options.daemonize.pidfile);
    assert_true(PARSE(&options, &failure, "--detach", "--monitor", "--no-chdir",
                      "--overwrite-pidfile", "--no-self-confinement", "--pidfile=x.pid"));
    assert_true(options.daemonize.detach);
    assert_true(options.daemonize.monitor);
    assert_true(options.daemonize.no_chdir);
    assert_true(options.daemonize.overwrite_pidfile);
    assert_string_equal(options.daemonize.pidfile, "/run/x/x.pid");
    assert_true(PARSE(&options, &failure, "--pidfile=/a/b.pid"));
    assert_string_equal(options.daemonize.pidfile, "/a/b.pid");
    assert_true(PARSE(&options, &failure, "--pidfile"));
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
        struct failure *failure = NULL;

        assert_true(PARSE(&options, &failure, word));
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
    struct failure *failure = NULL;

    assert_true(PARSE(&options, &failure, "-vconsole:off", "--verbose=file:err", "-v",
                      "-vsyslog:emer", "--syslog-method=null"));
    assert_int_equal(module->levels[LOG_TO_CONSOLE], LOG_LEVEL_DBG);
    assert_int_equal(module->levels[LOG_TO_SYSLOG], LOG_LEVEL_EMER);
    assert_true(PARSE(&options, &failure, "-vPATTERN:console:%p %m", "-voff"));
    assert_false(options.log_to_file);
    assert_true(PARSE(&options, &failure, "--log-file"));
    assert_true(options.log_to_file);
    assert_null(options.log_file);
    assert_true(PARSE(&options, &failure, "--log-file=/nonexistent/x"));
    // A log file that cannot be opened is only a warning.
    assert_no_failure(service_options_apply(&options));
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
        struct failure *failure = NULL;

        assert_false(PARSE(&options, &failure, table[i].word));
        assert_failure(failure, EINVAL, table[i].error);
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
