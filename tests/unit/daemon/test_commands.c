// SPDX-License-Identifier: Apache-2.0
// Runs the whole server in this process and calls its commands through the registry.
#include "config.h"
#include "control/call.h"
#include "daemon/daemon.h"
#include "schema_file.h"
#include "service/vlog.h"

#include "basic/file.h"
#include "basic/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/ovsdbd-commands-XXXXXX";

struct fake_call {
    struct command_call call;
    bool is_error;
    char *text;
};

static void on_done(struct command_call *call, enum command_outcome outcome, const char *text,
                    json_t *reply)
{
    struct fake_call *fake = CONTAINER_OF(call, struct fake_call, call);

    assert_null(fake->text);
    fake->is_error = outcome != COMMAND_DONE;
    fake->text = xstrdup(text);
}

static void check_argv(struct daemon *daemon, bool is_error, const char *expected,
                       const char **argv)
{
    struct fake_call fake = {.call = {.done = on_done, .may_change = true}};
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    command_registry_run(daemon->parts.registry, &fake.call, argc, (char **)argv);
    while (!fake.text) { // commands that wait need turns of the loop
        assert_true(databases_run(daemon->parts.databases) ||
                    sd_event_run(daemon->event, 10000000) > 0);
    }
    if (expected) {
        assert_string_equal(fake.text, expected);
    }
    assert_int_equal(fake.is_error, is_error);
    free(fake.text);
}

#define SAYS(expected, ...)  check_argv(daemon, false, expected, (const char *[]){__VA_ARGS__, NULL})
#define FAILS(expected, ...) check_argv(daemon, true, expected, (const char *[]){__VA_ARGS__, NULL})

static char *path_of(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static char *make_db(const char *file, const char *name)
{
    _cleanup_schema_ struct schema *schema =
        schema_of_file_named("daemon/one-table.ovsschema", name);
    char *path = path_of(file);

    assert_null(store_create(path, schema));
    return path;
}

struct fixture {
    struct daemon daemon;
    struct server_options options;
    char *served;
    char *other;
    char *twin;
};

static int setup(void **state)
{
    struct fixture *fixture = NEW(struct fixture);

    fixture->options.limits = LIMITS_DEFAULT;
    fixture->served = make_db("a.db", "alpha");
    configuration_add_database(&fixture->options.config, fixture->served);
    fixture->other = make_db("b.db", "beta");
    fixture->twin = make_db("c.db", "alpha");
    assert_no_failure(daemon_start(&fixture->daemon, &fixture->options, NULL, 0));
    *state = fixture;
    return 0;
}

static void remove_db(const char *path)
{
    const char *file = strrchr(path, '/') + 1;
    char *lock = xasprintf("%s/.%s.~lock~", folder, file);

    unlink(lock);
    unlink(path);
    free(lock);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    daemon_stop(&fixture->daemon);
    remove_db(fixture->served);
    remove_db(fixture->other);
    remove_db(fixture->twin);
    server_options_done(&fixture->options);
    free(fixture->served);
    free(fixture->other);
    free(fixture->twin);
    free(fixture);
    return 0;
}

static void test_databases(void **state)
{
    struct fixture *fixture = *state;
    struct daemon *daemon = &fixture->daemon;
    char *already = xasprintf("ovsdb error: %s: already open", fixture->other);
    char *link_path = path_of("link.db");

    SAYS("_Server\nalpha\n", "ovsdb-server/list-dbs");
    SAYS("", "ovsdb-server/add-db", fixture->other);
    SAYS("_Server\nalpha\nbeta\n", "ovsdb-server/list-dbs");
    FAILS(already, "ovsdb-server/add-db", fixture->other);
    FAILS("ovsdb error: alpha: duplicate database name", "ovsdb-server/add-db", fixture->twin);
    FAILS(NULL, "ovsdb-server/add-db", "/nonexistent");
    assert_int_equal(symlink(fixture->other, link_path), 0);
    FAILS(NULL, "ovsdb-server/add-db", link_path);
    unlink(link_path);
    SAYS("", "ovsdb-server/remove-db", "beta");
    FAILS("Failed to find the database.", "ovsdb-server/remove-db", "beta");
    FAILS("Cannot remove reserved database.", "ovsdb-server/remove-db", "_Server");
    SAYS("_Server\nalpha\n", "ovsdb-server/list-dbs");
    free(already);
    free(link_path);
}

static void test_compact(void **state)
{
    struct fixture *fixture = *state;
    struct daemon *daemon = &fixture->daemon;
    struct buf content = {0};

    SAYS("", "ovsdb-server/compact");
    SAYS("", "ovsdb-server/compact", "alpha", "alpha");
    FAILS("no database by that name", "ovsdb-server/compact", "alpha", "nope");
    assert_int_equal(file_read(fixture->served, &content), 0);
    assert_non_null(strstr(buf_cstr(&content), "\nOVSDB JSON ")); // the snapshot
    buf_done(&content);
    SAYS("", "ovsdb-server/memory-trim-on-compaction", "on");
    SAYS("", "ovsdb-server/compact", "alpha");
    SAYS("", "ovsdb-server/memory-trim-on-compaction", "off");
    FAILS("invalid argument", "ovsdb-server/memory-trim-on-compaction", "x");
    SAYS("status: ok", "ovsdb-server/get-db-storage-status", "alpha");
    FAILS("Failed to find the database.", "ovsdb-server/get-db-storage-status", "nope");
}

static void test_remotes(void **state)
{
    struct fixture *fixture = *state;
    struct daemon *daemon = &fixture->daemon;

    SAYS("", "ovsdb-server/list-remotes");
    SAYS("", "ovsdb-server/add-remote", "punix:x.sock");
    SAYS("", "ovsdb-server/add-remote", "punix:x.sock");
    SAYS("punix:x.sock\n", "ovsdb-server/list-remotes");
    FAILS(NULL, "ovsdb-server/add-remote", "nonsense");
    SAYS("", "ovsdb-server/reconnect");
    SAYS("", "ovsdb-server/remove-remote", "punix:x.sock");
    FAILS("no such remote", "ovsdb-server/remove-remote", "punix:x.sock");
}

static void test_other_commands(void **state)
{
    struct fixture *fixture = *state;
    struct daemon *daemon = &fixture->daemon;

    SAYS(
        "backlog:0 cells:0 history-bytes:0 locks:0 monitors:0 n-weak-refs:0 row-bytes:0 rows:0 "
        "sessions:0 "
        "triggers:0",
        "memory/show");
    SAYS("state: active", "ovsdb-server/sync-status");
    SAYS("", "ovsdb-server/reload");
    SAYS("ovsdb-server " OVSDBD_VERSION_TEXT, "version");
    SAYS("", "ovsdb/file/column-diff-enable");
    SAYS("", "ovsdb/file/no-data-conversion-enable");
    SAYS(NULL, "vlog/list");
    SAYS("", "vlog/set", "console:off");
    FAILS("no destination, level, or module \"x\"", "vlog/set", "x");
    SAYS(NULL, "vlog/list-pattern");
    SAYS("", "vlog/close");
    SAYS("", "vlog/reopen");
    SAYS("", "vlog/disable-rate-limit");
    SAYS("", "vlog/enable-rate-limit", "any");
    FAILS("unknown module", "vlog/enable-rate-limit", "nope");
}

static void test_exit(void **state)
{
    struct fixture *fixture = *state;
    struct daemon *daemon = &fixture->daemon;

    FAILS(NULL, "exit", "now");
    SAYS("", "exit", "--cleanup");
    assert_int_equal(daemon_run(daemon), 0);
}

// A start that fails returns the reason and leaves no files behind.
static void test_start_errors(void **state)
{
    static const struct {
        const char *database;
        const char *remote;
        const char *error;
    } table[] = {
        {"/nonexistent.db", NULL, "No such file or directory"},
        {NULL, "db:a,b,c", "no database named a"},
        {NULL, "pssl:0", "TLS needs --private-key"},
        {NULL, "nonsense", "nonsense"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct server_options options = {.limits = LIMITS_DEFAULT};
        struct daemon daemon = {0};
        struct failure *failure;

        if (table[i].database) {
            configuration_add_database(&options.config, table[i].database);
        }
        configuration_add_remote(&options.config, "punix:y.sock");
        if (table[i].remote) {
            configuration_add_remote(&options.config, table[i].remote);
        }
        failure = daemon_start(&daemon, &options, NULL, 0);
        daemon_stop(&daemon);
        assert_failure(failure, 0, table[i].error);
        server_options_done(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_databases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remotes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
        cmocka_unit_test(test_start_errors),
    };
    sigset_t set;
    int r;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (!mkdtemp(folder)) {
        return 1;
    }
    setenv("OVS_RUNDIR", folder, 1);
    vlog_init("commands");
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    vlog_done();
    if (rmdir(folder)) {
        perror(folder); // a socket or a file is left
        return 1;
    }
    return r;
}
