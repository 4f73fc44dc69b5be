// SPDX-License-Identifier: Apache-2.0
// Runs a script of what clients send and must get. scripts/README.md describes the format.
#include "script_runner.h"

#include "basic/file.h"
#include "session/internal.h"
#include "json/emit.h"

static const char *script;
static size_t line_number;

static void check_message(struct script_runner *runner, char letter, const char *expected)
{
    _cleanup_buf_ struct buf canonical = {0};
    _cleanup_free_ char *message = runner_take(runner, letter);
    struct slice value;

    if (!message) {
        fail_msg("%s:%zu: no message", script, line_number);
    }
    if (!strcmp(expected, "*")) {
        return;
    }
    if (framer_check(slice_of(expected), SIZE_MAX, &value, NULL)) {
        fail_msg("%s:%zu: the expected text is no JSON", script, line_number);
    }
    emit_canonical(&canonical, value);
    if (strcmp(message, buf_cstr(&canonical))) {
        fail_msg("%s:%zu:\nexpected %s\n     got %s", script, line_number, buf_cstr(&canonical),
                 message);
    }
}

static void check_contains(struct script_runner *runner, char letter, const char *expected)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    if (!message || !strstr(message, expected)) {
        fail_msg("%s:%zu: message is %s", script, line_number, message ? message : "missing");
    }
}

static void check_nothing_left(struct script_runner *runner)
{
    _cleanup_free_ char *message = NULL;

    for (size_t i = 0; i < RUNNER_CLIENTS; i++) {
        _cleanup_free_ char *text = runner_take(runner, (char)('A' + i));

        if (text) {
            fail_msg("%s:%zu: %c was also sent %s", script, line_number, (char)('A' + i), text);
        }
    }
    message = runner_take(runner, 'S');
    if (message) {
        fail_msg("%s:%zu: the source was also sent %s", script, line_number, message);
    }
}

static void check_closed(struct script_runner *runner, char letter, const char *reason)
{
    struct client *client = &runner->clients[letter - 'A'];

    if (!strstr(client->close_reason, reason)) {
        fail_msg("%s:%zu: close reason is %s", script, line_number,
                 *client->close_reason ? client->close_reason : "missing: the session is open");
    }
}

static void check_deadline(const struct script_runner *runner, const char *expected)
{
    usec_t deadline = server_deadline(runner->server);

    if (!strcmp(expected, "none")) {
        assert_true(deadline == USEC_INFINITY);
    } else {
        assert_int_equal(deadline > runner->now ? deadline - runner->now : 0,
                         strtoull(expected, NULL, 10) * USEC_PER_MSEC);
    }
}

static void run_command(struct script_runner *runner, const char *word, const char *argument,
                        const char *more, const char *last)
{
    char letter = *argument;

    if (!strcmp(word, "open")) {
        runner_open(runner, letter, more);
    } else if (!strcmp(word, "end")) {
        runner_close(runner, letter);
    } else if (!strcmp(word, "slow")) {
        runner->clients[letter - 'A'].backlog = RUNNER_SLOW;
    } else if (!strcmp(word, "fast")) {
        runner->clients[letter - 'A'].backlog = 0;
        session_output_drained(runner->clients[letter - 'A'].session);
    } else if (!strcmp(word, "run")) {
        while (server_run(runner->server, runner->now)) {
        }
    } else if (!strcmp(word, "wait")) {
        runner->now += strtoull(argument, NULL, 10) * USEC_PER_MSEC;
    } else if (!strcmp(word, "deadline")) {
        check_deadline(runner, argument);
    } else if (!strcmp(word, "adddb")) {
        runner_add_db(runner, argument);
    } else if (!strcmp(word, "removedb")) {
        runner_remove_db(runner, argument);
    } else if (!strcmp(word, "limit")) {
        size_t n = strtoull(argument, NULL, 10);

        server_set_limits(runner->server, &(struct server_limits){n, n, n, SIZE_MAX, n});
    } else if (!strcmp(word, "maxbacklog")) {
        struct server_limits limits = SERVER_LIMITS_DEFAULT;

        limits.max_backlog = strtoull(argument, NULL, 10);
        server_set_limits(runner->server, &limits);
    } else if (!strcmp(word, "position")) {
        runner_set_position(runner, argument, strtoull(more, NULL, 10));
    } else if (!strcmp(word, "waits")) {
        assert_int_equal(runner_waits(runner, letter, more), strtoull(last, NULL, 10));
    } else if (!strcmp(word, "relay")) {
        runner_make_relay(runner, !strcmp(argument, "on"));
    } else if (!strcmp(word, "source")) {
        server_set_source_ready(runner->server, server_find_db(runner->server, SLICE("shop")),
                                !strcmp(argument, "ready"));
    } else {
        fail_msg("%s:%zu: unknown command %s", script, line_number, word);
    }
}

static void run_line(struct script_runner *runner, const char *line)
{
    char word[16] = "", argument[32] = "", more[32] = "", last[32] = "";

    if (line[0] && line[1] == '<') {
        check_message(runner, line[0], line + 3);
        return;
    }
    if (line[0] && line[1] == '~') {
        check_contains(runner, line[0], line + 3);
        return;
    }
    if (line[0] && line[1] == '!') {
        check_closed(runner, line[0], line + 3);
        return;
    }
    check_nothing_left(runner);
    if (line[0] == 'S' && line[1] == '>') {
        runner_reply(runner, line + 3);
    } else if (line[0] && line[1] == '>') {
        runner_send(runner, line[0], line + 3);
    } else if (sscanf(line, "%15s %31s %31s %31s", word, argument, more, last) >= 1) {
        run_command(runner, word, argument, more, last);
    }
}

static void test_script(void **state)
{
    _cleanup_buf_ struct buf text = {0};
    struct script_runner runner;

    assert_int_equal(file_read(script, &text), 0);
    runner_init(&runner);
    for (char *line = buf_cstr(&text); *line;) {
        char *end = strchrnul(line, '\n');
        bool last = !*end;

        *end = '\0';
        line_number++;
        if (*line && *line != '#') {
            run_line(&runner, line);
            server_check_structures(runner.server);
        }
        line = last ? end : end + 1;
    }
    check_nothing_left(&runner);
    runner_done(&runner);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_script)};

    if (argc != 2) {
        fprintf(stderr, "usage: %s SCRIPT\n", argv[0]);
        return 2;
    }
    script = argv[1];
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
