// SPDX-License-Identifier: Apache-2.0
#include "service/pattern.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct log_module module = {.name = "socket_util"};

static void check(const char *pattern, const char *expected)
{
    struct log_record record = {.module = &module, .level = LOG_LEVEL_INFO, .message = "a\nb%m"};
    struct pattern_context context = {
        .record = &record,
        .program = "ovsdb-server",
        .now = 1700000000 * USEC_PER_SEC + 12345, // 2023-11-14 22:13:20.012345 UTC
        .since_start = 2999,
        .serial = 7,
        .facility = 3 << 3,
    };
    struct buf buf = {0};

    pattern_expand(&buf, pattern, &context);
    assert_slice_is(buf_slice(&buf), expected);
    buf_done(&buf);
}

static void test_table(void **state)
{
    static const struct {
        const char *pattern;
        const char *expected;
    } table[] = {
        {"", ""},
        {"plain", "plain"},
        {"%A", "ovsdb-server"},
        {"%c", "socket_util"},
        {"%p", "INFO"},
        {"%m", "a b%m"},
        {"%N", "7"},
        {"%05N", "00007"},
        {"%5N|", "    7|"},
        {"%-5N|", "7    |"},
        {"%-05N|", "70000|"},
        {"%2c", "socket_util"},
        {"%-14c|", "socket_util   |"},
        {"%r", "2"},
        {"%t|%T|", "main||"},
        {"%B", "30"},
        {"%%", "%"},
        {"%3%", "  %"},
        {"%n", "\n"},
        {"%zz", "zz"},
        {"%", "%"},
        {"x%05", "x%"},
        {"%D", "2023-11-14 22:13:20"},
        {"%D{%H}|%D{}|", "22||"},
        {"%D{%S.###}", "20.012"},
        {"%D{%S.#}", "20.0"},
        {"%D{%S.########}", "20.01234500"},
        {"%D{#-#}", "0-0"},
        {"%25D|", "      2023-11-14 22:13:20|"},
        {"%D{%Y", "2023-11-14 22:13:20{Y"},
        {"%d{%H:%M}", "19:13"},
        {"%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
         "2023-11-14T22:13:20.012Z|00007|socket_util|INFO|a b%m"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        check(table[i].pattern, table[i].expected);
    }
}

static void test_process(void **state)
{
    char pid[32], host[300];

    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    check("%P", pid);
    assert_int_equal(gethostname(host, sizeof(host)), 0);
    check("%E", host);
}

static void test_subprogram(void **state)
{
    struct log_record record = {.module = &module, .level = LOG_LEVEL_WARN, .message = "m"};
    struct pattern_context context = {.record = &record, .program = "p", .subprogram = "monitor"};
    struct buf buf = {0};

    pattern_expand(&buf, "%t %T %p", &context);
    assert_slice_is(buf_slice(&buf), "monitor (monitor) WARN");
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_subprogram),
    };

    setenv("TZ", "XXX3", 1); // three hours behind UTC, without a time zone file
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
