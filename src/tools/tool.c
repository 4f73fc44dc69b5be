// SPDX-License-Identifier: Apache-2.0
#include "tools/tool.h"

#include "basic/clock.h"
#include "basic/str.h"
#include "config.h"
#include "service/vlog.h"
#include "tools/pretty.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

static const char *program = "ovsdb";
static usec_t deadline; // monotonic; 0: none

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

noreturn void tool_fail(const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program, text);
    exit(EXIT_FAILURE);
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

static void start_timeout(unsigned seconds)
{
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

void tool_print(struct slice text)
{
    fwrite(text.data, 1, text.size, stdout);
    tool_finish();
}

void tool_finish(void)
{
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
    size_t offset;
    const char *error = framer_check(slice_of(text), SIZE_MAX, &value, &offset);

    if (error) {
        tool_fail("\"%s\": %s at byte %zu", text, error, offset + 1);
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

char *tool_short_options(const struct option *options)
{
    struct buf text = {0};

    for (; options->name; options++) {
        if (options->val > ' ' && options->val < 0x7f) {
            buf_putc(&text, (char)options->val);
            for (int i = 0; i < options->has_arg; i++) {
                buf_putc(&text, ':');
            }
        }
    }
    return buf_steal(&text);
}
