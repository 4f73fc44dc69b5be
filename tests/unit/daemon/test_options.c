// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int parse(struct server_options *options, const char **argv, char **ret_error)
{
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    opterr = 0;
    return server_options_parse(options, argc, (char **)argv, ret_error);
}

#define PARSE(options, error, ...)                                                                 \
    ({                                                                                             \
        const char *argv_[] = {"ovsdb-server", ##__VA_ARGS__, NULL};                               \
        parse(options, argv_, error);                                                              \
    })

static void check_words(char **words, size_t n, const char *expected)
{
    struct buf joined = {0};

    for (size_t i = 0; i < n; i++) {
        buf_printf(&joined, "%s%s", i ? " " : "", words[i]);
    }
    assert_slice_is(buf_slice(&joined), expected);
    buf_done(&joined);
}

static void test_databases(void **state)
{
    static const struct {
        const char *words[4];
        const char *databases;
    } table[] = {
        {{NULL}, "/x/conf.db"},
        {{"--no-dbs"}, ""},
        {{"a.db"}, "a.db"},
        {{"a.db", "--no-dbs", "/b.db"}, "a.db /b.db"},
        {{"--", "--no-dbs"}, "--no-dbs"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const char *const *words = table[i].words;
        struct server_options options = {0};
        char *error = NULL;

        assert_int_equal(PARSE(&options, &error, words[0], words[1], words[2], words[3]),
                         OPTIONS_RUN);
        check_words(options.databases, options.n_databases, table[i].databases);
        server_options_done(&options);
    }
}

static void test_rest(void **state)
{
    struct server_options options = {0};
    char *error = NULL;

    assert_int_equal(PARSE(&options, &error, "--remote=punix:a", "x.db", "--remote", "ptcp:0",
                           "--run=false", "--run=sleep 1", "--detach", "-vconsole:off"),
                     OPTIONS_RUN);
    check_words(options.remotes, options.n_remotes, "punix:a ptcp:0");
    check_words(options.databases, options.n_databases, "x.db");
    assert_string_equal(options.run, "sleep 1");
    assert_true(options.service.daemonize.detach);
    server_options_done(&options);
}

static void test_errors(void **state)
{
    static const char *const words[] = {"--bogus", "-x", "--remote", "--detach=1"};
    char *error = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct server_options options = {0};

        assert_int_equal(PARSE(&options, &error, words[i]), -EINVAL);
        assert_null(error);
        server_options_done(&options);
    }
    {
        struct server_options options = {0};

        assert_int_equal(PARSE(&options, &error, "-vnonsense"), -EINVAL);
        assert_string_equal(error,
                            "processing \"nonsense\": no destination, level, or module "
                            "\"nonsense\"");
        free(error);
        server_options_done(&options);
    }
}

// Parses with standard output going to a file, whose content is appended to `text`.
static int parse_captured(const char *word, struct buf *text)
{
    struct server_options options = {0};
    FILE *file = tmpfile();
    int saved = dup(STDOUT_FILENO);
    char *error = NULL;
    int r;

    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    r = PARSE(&options, &error, word);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(file);
    text->size += fread(buf_reserve(text, 65536), 1, 65536, file);
    fclose(file);
    server_options_done(&options);
    return r;
}

static void test_help(void **state)
{
    static const char *const words[] = {
        "--remote=",
        "--run=",
        "--no-dbs",
        "--detach",
        "--monitor",
        "--no-chdir",
        "--pidfile[=",
        "--overwrite-pidfile",
        "--no-self-confinement",
        "-v,",
        "--verbose",
        "--log-file[=",
        "--unixctl=",
        "--syslog-method=",
        "--syslog-target=",
        "-h, --help",
        "-V, --version",
        "/x/conf.db",
    };
    struct buf text = {0};

    assert_int_equal(parse_captured("--help", &text), OPTIONS_EXIT);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        assert_non_null(strstr(buf_cstr(&text), words[i]));
    }
    buf_clear(&text);
    assert_int_equal(parse_captured("-V", &text), OPTIONS_EXIT);
    assert_int_equal(strncmp(buf_cstr(&text), "ovsdb-server (ovsdbd) ", 22), 0);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_databases),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_help),
    };
    int r;

    setenv("OVS_DBDIR", "/x", 1);
    vlog_init("options");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    vlog_done();
    return r;
}
