// SPDX-License-Identifier: Apache-2.0
// The slow log, with a clock that advances by `step` at each reading.
#include "script_runner.h"
#include "session/slow_log.h"
#include "session/usage.h"

static usec_t clock_time;
static usec_t clock_step;

static usec_t stepping_clock(void)
{
    return clock_time += clock_step;
}

static void begin(struct script_runner *runner, size_t size, usec_t threshold)
{
    const struct slow_log_settings settings = {size, threshold};

    clock_time = clock_step = 0;
    runner_init(runner);
    server_set_clock(runner->server, stepping_clock);
    server_set_slow_log(runner->server, &settings);
    runner_open(runner, 'A', "");
}

// Runs a transaction with these operations; the clock makes it take `duration`.
static void transact(struct script_runner *runner, usec_t duration, const char *operations)
{
    _cleanup_free_ char *request =
        xasprintf("{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\"%s]}", operations);
    _cleanup_free_ char *reply = NULL;

    clock_step = duration;
    runner_send(runner, 'A', request);
    clock_step = 0;
    reply = runner_take(runner, 'A');
    assert_non_null(reply);
}

static void assert_durations(struct script_runner *runner, size_t n, const usec_t *durations)
{
    const struct slow_transaction *log;
    size_t n_log;

    log = server_slow_log(runner->server, &n_log);
    assert_int_equal(n_log, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(log[i].duration, durations[i]);
    }
}
#define ASSERT_DURATIONS(runner, ...)                                                              \
    assert_durations(runner, sizeof((usec_t[]){__VA_ARGS__}) / sizeof(usec_t),                     \
                     (usec_t[]){__VA_ARGS__})

static void test_slowest_are_kept(void **state)
{
    static const usec_t durations[] = {30, 10, 50, 5, 20, 40};
    struct script_runner runner;

    begin(&runner, 3, 10);
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        transact(&runner, durations[i], "");
    }
    ASSERT_DURATIONS(&runner, 50, 40, 30);
    server_set_slow_log(runner.server, &(struct slow_log_settings){2, 10});
    ASSERT_DURATIONS(&runner, 50, 40);
    server_set_slow_log(runner.server, &(struct slow_log_settings){5, 45});
    ASSERT_DURATIONS(&runner, 50);
    transact(&runner, 44, "");
    transact(&runner, 45, "");
    ASSERT_DURATIONS(&runner, 50, 45);
    server_clear_slow_log(runner.server);
    assert_durations(&runner, 0, NULL);
    runner_done(&runner);
}

static void test_size_0(void **state)
{
    struct script_runner runner;

    begin(&runner, 0, 0);
    transact(&runner, 50, "");
    assert_durations(&runner, 0, NULL);
    runner_done(&runner);
}

static void test_contents(void **state)
{
    static const struct {
        const char *operations;
        const char *expected;
        size_t n;
        bool failed;
    } table[] = {
        {"", "", 0, false},
        {",{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"secret\"}}", "insert Item", 1,
         false},
        {",{\"op\":\"comment\",\"comment\":\"secret\"},{\"op\":\"abort\"}", "comment, abort", 2,
         true},
        {",{\"op\":\"select\",\"table\":\"Item\",\"where\":[]},{\"op\":\"comment\",\"comment\":"
         "\"\"}"
         ",{\"op\":\"select\",\"table\":\"Item\",\"where\":[]}",
         "select Item (2), comment", 3, false},
        {",{\"op\":\"no such\",\"table\":\"x\\ny\"}", "? ?", 1, true},
        {",{\"op\":1,\"table\":null}", "? ?", 1, true},
        {",7,{}", "? (2)", 2, true},
        {",{\"op\":\"a\"},{\"op\":\"b\"},{\"op\":\"c\"},{\"op\":\"d\"},{\"op\":\"e\"},{\"op\":"
         "\"f\"}"
         ",{\"op\":\"g\"},{\"op\":\"h\"},{\"op\":\"i\"},{\"op\":\"a\"}",
         "a (2), b, c, d, e, f, g, h, ...", 10, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct slow_transaction *log;
        struct script_runner runner;
        size_t n;

        begin(&runner, 3, 0);
        transact(&runner, 1, table[i].operations);
        log = server_slow_log(runner.server, &n);
        assert_int_equal(n, 1);
        assert_string_equal(log->operations, table[i].expected);
        assert_int_equal(log->n_operations, table[i].n);
        assert_int_equal(log->failed, table[i].failed);
        assert_string_equal(log->client, "A");
        assert_null(log->client_id);
        assert_string_equal(log->database, "shop");
        assert_int_equal(log->request_size, strlen("[\"shop\"]") + strlen(table[i].operations));
        assert_true(log->reply_size >= 2);
        runner_done(&runner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slowest_are_kept),
        cmocka_unit_test(test_size_0),
        cmocka_unit_test(test_contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
