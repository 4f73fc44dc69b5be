// SPDX-License-Identifier: Apache-2.0
#include "tools/tool.h"

#include "basic/clock.h"
#include "basic/str.h"
#include "config.h"
#include "service/options.h"
#include "service/vlog.h"
#include "tools/pretty.h"
#include "tools/progress_bar.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

static const char *program = "ovsdb";
static usec_t deadline; // monotonic; 0: none
static char timeout_message[128];
static pid_t timeout_owner; // the process that prints timeout_message

void tool_init(char **argv)
{
    const char *slash = strrchr(argv[0], '/');

    program = slash ? slash + 1 : argv[0];
    vlog_init(program);
}

const char *tool_name(void)
{
    return program;
}

static void print_error(const char *text)
{
    _cleanup_buf_ struct buf escaped = {0};

    if (isatty(STDERR_FILENO)) {
        tool_put_escaped(&escaped, slice_of(text), false);
        text = buf_cstr(&escaped);
    }
    fprintf(stderr, "%s: %s\n", program, text);
}

noreturn void tool_fail(const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    progress_bar_clear();
    progress_bar_end_if_interrupted();
    fflush(stdout);
    print_error(text);
    free(text);
    exit(EXIT_FAILURE);
}

noreturn void tool_fail_failure(struct failure *failure)
{
    _cleanup_free_ char *text = failure_take_text(failure);

    tool_fail("%s", text);
}

noreturn void tool_fail_errno(int errno_value, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    tool_fail("%s (%s)", text, strerror(errno_value));
}

noreturn void tool_fail_json(struct slice json, const char *format, ...)
{
    _cleanup_buf_ struct buf canonical = {0};
    _cleanup_free_ char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    emit_canonical(&canonical, json);
    tool_fail("%s: %s", text, buf_cstr(&canonical));
}

noreturn void tool_fail_error(struct ovsdb_error *error)
{
    _cleanup_free_ char *text = error_text(error);

    error_free(error);
    tool_fail("%s", text);
}

void tool_check(struct ovsdb_error *error)
{
    progress_bar_clear();
    if (error) {
        tool_fail_error(error);
    }
}

static bool parse_seconds(const char *text, unsigned *ret)
{
    uint64_t seconds;

    if (!str_parse_number(text, INT_MAX, &seconds) || !seconds) {
        return false;
    }
    *ret = (unsigned)seconds;
    return true;
}

// SA_RESETHAND has removed the handler, so the raised signal ends the process.
static void on_alarm(int signal_number)
{
    if (timeout_owner == getpid()) {
        ssize_t n = write(STDERR_FILENO, timeout_message, strlen(timeout_message));

        (void)n; // there is no other place to report it
    }
    raise(signal_number);
}

static void start_timeout(unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = (int)SA_RESETHAND};

    snprintf(timeout_message, sizeof(timeout_message), "%.64s: timed out after %u second%s\n",
             program, seconds, seconds == 1 ? "" : "s");
    timeout_owner = getpid();
    sigaction(SIGALRM, &action, NULL);
    deadline = clock_monotonic() + seconds * USEC_PER_SEC;
    alarm(seconds);
}

void tool_set_timeout(const char *text, const char *options)
{
    unsigned seconds;

    if (!parse_seconds(text, &seconds)) {
        tool_fail("value %s on %s is invalid: seconds from 1 to %d are expected", text, options,
                  INT_MAX);
    }
    start_timeout(seconds);
}

void tool_set_default_timeout(void)
{
    const char *text = getenv("OVS_CTL_TIMEOUT");
    unsigned seconds;

    if (!deadline && text && parse_seconds(text, &seconds)) {
        start_timeout(seconds);
    }
}

void tool_rearm_timeout(void)
{
    usec_t now = clock_monotonic();

    if (deadline) {
        alarm(deadline > now ? (unsigned)((deadline - now + USEC_PER_SEC - 1) / USEC_PER_SEC) : 1);
    }
}

void tool_own_timeout(void)
{
    timeout_owner = getpid();
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

void tool_put_escaped(struct buf *buf, struct slice text, bool is_line)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = text.data[i];
        unsigned char next = i + 1 < text.size ? text.data[i + 1] : 0;

        if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            buf_printf(buf, "\\u%04x", next); // C1 in UTF-8
            i++;
        } else if (c == '\n' && is_line) {
            buf_puts(buf, "\\n");
        } else if (c == '\t' && is_line) {
            buf_puts(buf, "\\t");
        } else if (is_control(c) && c != '\n' && c != '\t') {
            buf_printf(buf, "\\u%04x", c);
        } else {
            buf_putc(buf, (char)c);
        }
    }
}

void tool_print(struct slice text)
{
    _cleanup_buf_ struct buf escaped = {0};

    if (isatty(STDOUT_FILENO)) {
        tool_put_escaped(&escaped, text, false);
        text = buf_slice(&escaped);
    }
    progress_bar_clear();
    fwrite(text.data, 1, text.size, stdout);
    tool_finish();
}

void tool_print_line(struct slice text)
{
    _cleanup_buf_ struct buf line = {0};

    buf_put_slice(&line, text);
    buf_putc(&line, '\n');
    tool_print(buf_slice(&line));
}

void tool_finish(void)
{
    progress_bar_clear();
    if (fflush(stdout) || ferror(stdout)) {
        tool_fail_errno(errno, "standard output: write failed");
    }
}

void tool_print_json(struct slice json, bool pretty)
{
    _cleanup_buf_ struct buf text = {0};

    pretty_put(&text, json, pretty);
    buf_putc(&text, '\n');
    tool_print(buf_slice(&text));
}

struct slice tool_parse_json(const char *text)
{
    struct slice value;
    size_t offset, line, column;
    const char *error = framer_check(slice_of(text), SIZE_MAX, &value, &offset);

    if (error) {
        framer_position(slice_of(text), offset, &line, &column);
        tool_fail("\"%s\": line %zu, column %zu: %s", text, line, column, error);
    }
    if (json_kind_of(value) != JSON_KIND_ARRAY && json_kind_of(value) != JSON_KIND_OBJECT) {
        tool_fail("\"%s\": an array is expected", text);
    }
    return value;
}

void tool_print_version(void)
{
    printf("%s %s\n", program, OVSDBD_VERSION_TEXT);
}

static bool is_short(const struct option *option)
{
    return option->val > ' ' && option->val < 0x7f;
}

char *tool_short_options(const struct option *options)
{
    struct buf text = {0};

    for (; options->name; options++) {
        if (is_short(options)) {
            buf_putc(&text, (char)options->val);
            for (int i = 0; i < options->has_arg; i++) {
                buf_putc(&text, ':');
            }
        }
    }
    return buf_steal(&text);
}

void tool_handle_option(struct service_options *service, int c, const struct option *options)
{
    struct failure *failure;

    if (c == 'o') {
        service_options_list(options);
        exit(EXIT_SUCCESS);
    }
    if (c == 'V') {
        tool_print_version();
        exit(EXIT_SUCCESS);
    }
    if (!service_options_handle(service, c, optarg, &failure)) {
        exit(EXIT_FAILURE); // getopt_long() has printed an error message
    }
    if (failure) {
        tool_fail_failure(failure);
    }
}

void tool_apply_options(struct service_options *service)
{
    struct failure *failure = service_options_apply(service);

    if (failure) {
        tool_fail_failure(failure);
    }
}
