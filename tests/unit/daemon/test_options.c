// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static enum options_outcome parse(struct server_options *options, const char **argv,
                                  struct failure **ret_failure)
{
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    opterr = 0;
    return server_options_parse(options, argc, (char **)argv, ret_failure);
}

#define PARSE(options, failure, ...)                                                               \
    ({                                                                                             \
        const char *argv_[] = {"ovsdb-server", ##__VA_ARGS__, NULL};                               \
        parse(options, argv_, failure);                                                            \
    })

// The databases; those in the current folder without its path.
static void check_databases(const struct server_options *options, const char *expected)
{
    struct buf joined = {0};
    size_t size = strlen(options->folder);

    for (size_t i = 0; i < options->config.n_databases; i++) {
        const char *file = options->config.databases[i].file;
        bool is_here = !strncmp(file, options->folder, size) && file[size] == '/';

        assert_int_equal(file[0], '/');
        buf_printf(&joined, "%s%s", i ? " " : "", is_here ? file + size + 1 : file);
    }
    assert_slice_is(buf_slice(&joined), expected);
    buf_done(&joined);
}

static void check_remotes(const struct server_options *options, const char *expected)
{
    struct buf joined = {0};

    for (size_t i = 0; i < options->config.n_remotes; i++) {
        buf_printf(&joined, "%s%s", i ? " " : "", options->config.remotes[i].target);
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
        struct failure *failure;

        assert_int_equal(PARSE(&options, &failure, words[0], words[1], words[2], words[3]),
                         OPTIONS_RUN);
        check_databases(&options, table[i].databases);
        server_options_done(&options);
    }
}

static void test_other_options(void **state)
{
    struct server_options options = {0};
    struct failure *failure;

    assert_int_equal(PARSE(&options, &failure, "--remote=punix:a", "x.db", "--remote", "ptcp:0",
                           "--run=false", "--run=sleep 1", "--detach", "-vconsole:off"),
                     OPTIONS_RUN);
    check_remotes(&options, "punix:a ptcp:0");
    check_databases(&options, "x.db");
    assert_string_equal(options.run, "sleep 1");
    assert_true(options.service.daemonize.detach);
    server_options_done(&options);
}

static void test_errors(void **state)
{
    static const char *const words[] = {"--bogus", "-x", "--remote", "--detach=1"};
    struct failure *failure;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct server_options options = {0};

        assert_int_equal(PARSE(&options, &failure, words[i]), OPTIONS_INVALID);
        assert_null(failure);
        server_options_done(&options);
    }
    {
        struct server_options options = {0};

        assert_int_equal(PARSE(&options, &failure, "-vnonsense"), OPTIONS_INVALID);
        assert_failure(failure, EINVAL,
                       "processing \"nonsense\": no destination, level, or module "
                       "\"nonsense\"");
        server_options_done(&options);
    }
}

// Writes a configuration file, and parses the words with it.
static enum options_outcome parse_file(struct server_options *options, const char *content,
                                       const char *word, struct failure **ret_failure)
{
    char path[] = "/tmp/ovsdbd-options-XXXXXX";
    int fd = mkstemp(path);
    char *option = xasprintf("--config-file=%s", path);
    enum options_outcome outcome;

    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
    outcome = PARSE(options, ret_failure, word, option);
    unlink(path);
    free(option);
    return outcome;
}

// Options of the command line override those of the file; databases and remotes are added.
static void test_config_file(void **state)
{
    static const char content[] =
        "[options]\nmax-backlog = 5M\ndetach = yes\nactive=no\n"
        "sync-from = tcp:1.2.3.4:5\nlog-file = yes\n"
        "slow-log-size = 7\nslow-log-threshold = 250\n"
        "[database a.db]\n[remote ptcp:1]\nread-only = yes\n";
    struct server_options options = {0};
    struct failure *failure;

    assert_int_equal(parse_file(&options, content, "--max-backlog=7M", &failure), OPTIONS_RUN);
    assert_int_equal(options.limits.server.max_backlog, 7 << 20);
    assert_int_equal(options.slow_log.size, 7);
    assert_int_equal(options.slow_log.threshold, 250000);
    assert_true(options.service.daemonize.detach);
    assert_true(options.service.log_to_file);
    assert_null(options.service.log_file);
    assert_false(options.active);
    assert_string_equal(options.sync_from, "tcp:1.2.3.4:5");
    check_databases(&options, "/x/a.db");
    check_remotes(&options, "ptcp:1");
    server_options_done(&options);

    options = (struct server_options){0};
    assert_int_equal(
        parse_file(&options, "[remote ptcp:1]\nread-only=yes", "--remote=ptcp:1", &failure),
        OPTIONS_RUN);
    check_databases(&options, ""); // without the default database, too
    check_remotes(&options, "ptcp:1");
    assert_true(options.config.remotes[0].settings.read_only);
    server_options_done(&options);
}

static void test_config_file_errors(void **state)
{
    static const struct {
        const char *content;
        const char *error;
    } table[] = {
        {"[options]\nbogus = 1", ":2: bogus: not an option of the configuration file"},
        {"[options]\nremote = ptcp:1", ":2: remote: not an option of the configuration file"},
        {"[options]\nconfig-file = /x", ":2: config-file: not an option of the configuration file"},
        {"[options]\nactive = 1", ":2: active: yes or no is expected"},
        {"[options]\nsync-from =", ":2: sync-from: a value is missing"},
        {"[options]\nslow-log-size = 10001",
         ":2: slow-log-size: --slow-log-size=10001: a number from 0 to 10000 is expected"},
        {"[options]\nslow-log-threshold = -1",
         ":2: slow-log-threshold: --slow-log-threshold=-1: a number from 0 to 4294967295 is "
         "expected"},
        {"[options]\n\nmax-backlog = much",
         ":3: max-backlog: --max-backlog=much: a size from 1 to 1048576G is expected"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct server_options options = {0};
        struct failure *failure;

        assert_int_equal(parse_file(&options, table[i].content, "--no-dbs", &failure),
                         OPTIONS_INVALID);
        assert_failure(failure, EINVAL, table[i].error);
        server_options_done(&options);
    }
}

// Parses with standard output redirected to a file, and appends its content to `text`.
static int parse_captured(const char *word, struct buf *text)
{
    struct server_options options = {0};
    FILE *file = tmpfile();
    int saved = dup(STDOUT_FILENO);
    struct failure *failure;
    int r;

    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    r = PARSE(&options, &failure, word);
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
        "--config-file=",
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
        cmocka_unit_test(test_other_options),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_config_file),
        cmocka_unit_test(test_config_file_errors),
        cmocka_unit_test(test_help),
    };
    int r;

    setenv("OVS_DBDIR", "/x", 1);
    vlog_init("options");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    vlog_done();
    return r;
}
