// SPDX-License-Identifier: Apache-2.0
#include "basic/file.h"
#include "service/vlog.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

LOG_MODULE(apple);

static struct log_module *banana;
static char folder[] = "/tmp/ovsdbd-vlog-XXXXXX";

static int setup(void **state)
{
    vlog_init("tester");
    assert_null(vlog_set_syslog_method("null"));
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    return 0;
}

static int teardown(void **state)
{
    vlog_done();
    return 0;
}

// Returns the levels of a module as "console syslog file".
static void check_levels(struct log_module *module, const char *expected)
{
    char text[64];

    snprintf(text, sizeof(text), "%s %s %s", log_level_name(module->levels[LOG_TO_CONSOLE]),
             log_level_name(module->levels[LOG_TO_SYSLOG]),
             log_level_name(module->levels[LOG_TO_FILE]));
    assert_string_equal(text, expected);
}

static void test_levels(void **state)
{
    static const struct {
        const char *spec;
        const char *apple;
        const char *banana;
    } table[] = {
        {"", "DBG DBG DBG", "DBG DBG DBG"},
        {"info", "INFO INFO INFO", "INFO INFO INFO"},
        {"console:warn", "WARN OFF OFF", "WARN OFF OFF"},
        {"apple", "DBG DBG DBG", "OFF OFF OFF"},
        {"file", "OFF OFF DBG", "OFF OFF DBG"},
        {"APPLE:File:Err", "OFF OFF ERR", "OFF OFF OFF"},
        {"err file apple", "OFF OFF ERR", "OFF OFF OFF"},
        {"err,,syslog: banana", "OFF OFF OFF", "OFF ERR OFF"},
        {"any:any:emer", "EMER EMER EMER", "EMER EMER EMER"},
        {"off", "OFF OFF OFF", "OFF OFF OFF"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        log_set_level(NULL, -1, LOG_LEVEL_OFF);
        assert_null(vlog_set(table[i].spec));
        check_levels(log_this_module, table[i].apple);
        check_levels(banana, table[i].banana);
    }
}

static void test_bad_specs(void **state)
{
    static const struct {
        const char *spec;
        const char *error;
    } table[] = {
        {"pear", "no destination, level, or module \"pear\""},
        {"dbg info", "cannot specify multiple levels"},
        {"apple,banana", "cannot specify multiple modules"},
        {"file:console:dbg", "cannot specify multiple destinations"},
        {"console:bogus", "no destination, level, or module \"bogus\""},
        {"PATTERN:nope:x", "unknown destination \"nope\""},
        {"pattern:", "unknown destination \"\""},
        {"FACILITY:nope", "invalid facility"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_failure_ struct failure *failure = vlog_set(table[i].spec);

        assert_non_null(failure);
        assert_int_equal(failure_kind(failure), FAILURE_INVALID);
        assert_string_equal(failure_text(failure), table[i].error);
    }
    assert_null(vlog_set("facility:LOCAL3"));
    check_levels(log_this_module, "OFF OFF OFF");
}

static void check_file(const char *path, const char *expected)
{
    struct buf content = {0};

    assert_int_equal(file_read(path, &content), 0);
    assert_slice_is(buf_slice(&content), expected);
    buf_done(&content);
}

static void test_file(void **state)
{
    char *path = xasprintf("%s/a.log", folder);
    char *moved = xasprintf("%s/b.log", folder);
    char *expected;

    assert_null(vlog_set("PATTERN:file:%c:%p:%N:%m"));
    assert_int_equal(vlog_set_file(path, NULL), 0); // its own line is filtered out
    assert_null(vlog_set("file:info"));
    log_info("one %d", 1);
    log_dbg("not this");
    assert_int_equal(rename(path, moved), 0);
    log_warn("two");
    assert_int_equal(vlog_reopen(), 0);
    log_err("three\nlines");
    vlog_close();
    log_err("lost");
    check_file(moved, "apple:INFO:1:one 1\napple:WARN:2:two\n");
    expected = xasprintf("vlog:INFO:3:opened log file %s\napple:ERR:4:three lines\n", path);
    check_file(path, expected);
    free(expected);
    unlink(path);
    unlink(moved);
    free(path);
    free(moved);
}

// If the log file cannot be opened again, logging continues in the open one.
static void test_reopen_fails(void **state)
{
    char *path = xasprintf("%s/d.log", folder);
    char *moved = xasprintf("%s/e.log", folder);

    assert_null(vlog_set("PATTERN:file:%m"));
    assert_int_equal(vlog_set_file(path, NULL), 0);
    assert_null(vlog_set("file:warn"));
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(vlog_reopen(), -EISDIR);
    log_warn("not lost");
    vlog_close();
    check_file(moved, "not lost\n");
    rmdir(path);
    unlink(moved);
    free(path);
    free(moved);
}

static void test_file_lines(void **state)
{
    char *path = xasprintf("%s/c.log", folder);
    struct buf content = {0};
    int year, month, day, hour, minute, second, millisecond, number;
    char rest[100];

    assert_null(vlog_set("file:info"));
    assert_int_equal(vlog_set_file(path, NULL), 0);
    assert_int_equal(file_read(path, &content), 0);
    assert_int_equal(sscanf(buf_cstr(&content), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ|%5d|%99[^\n]", &year,
                            &month, &day, &hour, &minute, &second, &millisecond, &number, rest),
                     9);
    assert_int_equal(number, 1);
    buf_clear(&content);
    buf_printf(&content, "vlog|INFO|opened log file %s", path);
    assert_string_equal(rest, buf_cstr(&content));
    buf_done(&content);
    unlink(path);
    free(path);
}

static void test_default_file(void **state)
{
    char *expected = xasprintf("%s/tester.log", folder);
    char *path = NULL;

    setenv("OVS_LOGDIR", folder, 1);
    assert_int_equal(vlog_set_file(NULL, &path), 0);
    assert_string_equal(path, expected);
    assert_int_equal(access(expected, F_OK), 0);
    unlink(expected);
    free(path);
    setenv("OVS_LOGDIR", "/nonexistent", 1);
    assert_int_equal(vlog_set_file(NULL, &path), -ENOENT);
    assert_string_equal(path, "/nonexistent/tester.log");
    free(path);
    free(expected);
}

static const enum log_level *levels_of(const char *module)
{
    return vlog_levels(log_module_find(module));
}

static void test_lists(void **state)
{
    assert_null(vlog_set("apple:console:err"));
    assert_null(vlog_set("jsonrpc:file:warn")); // another name for "net"
    assert_null(vlog_set("PATTERN:console:%m"));
    assert_int_equal(levels_of("apple")[LOG_TO_CONSOLE], LOG_LEVEL_ERR);
    assert_int_equal(levels_of("apple")[LOG_TO_FILE], LOG_LEVEL_OFF);
    assert_int_equal(levels_of("banana")[LOG_TO_CONSOLE], LOG_LEVEL_OFF);
    assert_int_equal(levels_of("jsonrpc")[LOG_TO_FILE], LOG_LEVEL_WARN);
    assert_int_equal(levels_of("net")[LOG_TO_FILE], LOG_LEVEL_WARN);
    assert_string_equal(vlog_pattern(LOG_TO_CONSOLE), "%m");
    assert_string_equal(vlog_pattern(LOG_TO_SYSLOG), "ovs|%05N|%c%T|%p|%m");
    assert_string_equal(vlog_pattern(LOG_TO_FILE), "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m");
    assert_string_equal(vlog_syslog_prefix(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_specs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
    };
    int r;

    banana = log_module_get("banana");
    if (!mkdtemp(folder)) {
        return 1;
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
