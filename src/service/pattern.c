// SPDX-License-Identifier: Apache-2.0
#include "service/pattern.h"

#include <assert.h>
#include <stdio.h>
#include <sys/syslog.h>
#include <time.h>

// What is given between '%' and the letter.
struct escape {
    bool left;
    bool zero;
    size_t width;
};

int pattern_priority(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_OFF:
    case LOG_LEVEL_EMER:
        return LOG_ALERT;
    case LOG_LEVEL_ERR:
        return LOG_ERR;
    case LOG_LEVEL_WARN:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    case LOG_LEVEL_DBG:
    case LOG_N_LEVELS:
        break;
    }
    return LOG_DEBUG;
}

// Appends `now` in the `format` of strftime(), with each run of # as digits of the fraction.
static void put_time(struct buf *buf, struct slice format, usec_t now, bool utc)
{
    _cleanup_free_ char *text = xstrndup(format.data, format.size);
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    char fraction[16], out[256];
    size_t n_fraction =
        (size_t)snprintf(fraction, sizeof(fraction), "%06u", (unsigned)(now % USEC_PER_SEC));
    size_t digit = 0;
    struct tm tm;

    for (char *p = text; *p; p++) {
        digit = *p == '#' ? digit + 1 : 0;
        if (digit) {
            *p = digit <= n_fraction ? fraction[digit - 1] : '0';
        }
    }
    if (utc) {
        gmtime_r(&seconds, &tm);
    } else {
        localtime_r(&seconds, &tm);
    }
    // The format comes from the administrator, as an option or a command.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_put(buf, out, strftime(out, sizeof(out), text, &tm));
#pragma GCC diagnostic pop
}

static void put_message(struct buf *buf, const char *message)
{
    for (const char *p = message; *p; p++) {
        buf_putc(buf, (unsigned char)*p < ' ' ? ' ' : *p);
    }
}

static void put_host_name(struct buf *buf)
{
    char name[256];

    if (!gethostname(name, sizeof(name))) {
        name[sizeof(name) - 1] = '\0';
        buf_puts(buf, name);
    }
}

// Appends the value of the letter `c`, without padding.
static void put_escape(struct buf *buf, char c, const struct pattern_context *context)
{
    switch (c) {
    case 'A':
        buf_puts(buf, context->program);
        return;
    case 'B':
        buf_printf(buf, "%d", context->facility | pattern_priority(context->record->level));
        return;
    case 'c':
        buf_puts(buf, context->record->module->name);
        return;
    case 'E':
        put_host_name(buf);
        return;
    case 'm':
        put_message(buf, context->record->message);
        return;
    case 'N':
        buf_printf(buf, "%u", context->serial);
        return;
    case 'n':
        buf_putc(buf, '\n');
        return;
    case 'p':
        buf_puts(buf, log_level_name(context->record->level));
        return;
    case 'P':
        buf_printf(buf, "%ld", (long)getpid());
        return;
    case 'r':
        buf_printf(buf, "%llu", (unsigned long long)(context->since_start / USEC_PER_MSEC));
        return;
    case 't':
        buf_puts(buf, context->subprogram ? context->subprogram : "main");
        return;
    case 'T':
        if (context->subprogram) {
            buf_printf(buf, "(%s)", context->subprogram);
        }
        return;
    default:
        buf_putc(buf, c);
        return;
    }
}

static const char *parse_escape(const char *p, struct escape *ret)
{
    struct escape escape = {0};

    if (*p == '-') {
        escape.left = true;
        p++;
    }
    if (*p == '0') {
        escape.zero = true;
        p++;
    }
    while (*p >= '0' && *p <= '9') {
        escape.width = MIN(escape.width * 10 + (size_t)(*p - '0'), (size_t)1000);
        p++;
    }
    *ret = escape;
    return p;
}

// Appends the value of the time escape at `p`, a 'd' or 'D'. Returns the rest of the pattern.
static const char *put_time_escape(struct buf *buf, const char *p,
                                   const struct pattern_context *context)
{
    struct slice format = SLICE("%Y-%m-%d %H:%M:%S");
    const char *end = p[1] == '{' ? strchr(p, '}') : NULL;

    if (end) {
        format = (struct slice){p + 2, (size_t)(end - p - 2)};
    }
    put_time(buf, format, context->now, *p == 'D');
    return end ? end + 1 : p + 1;
}

// Pads the part of *buf from `start` on to the width of the escape.
static void pad_escape(struct buf *buf, size_t start, const struct escape *escape)
{
    size_t size = buf->size - start;
    size_t n = escape->width > size ? escape->width - size : 0;

    assert(start <= buf->size);
    if (n) {
        buf_reserve(buf, n);
        if (!escape->left) {
            memmove(buf->data + start + n, buf->data + start, size);
        }
        memset(buf->data + start + (escape->left ? size : 0), escape->zero ? '0' : ' ', n);
        buf->size += n;
    }
}

void pattern_expand(struct buf *buf, const char *pattern, const struct pattern_context *context)
{
    for (const char *p = pattern; *p;) {
        struct escape escape;
        size_t start = buf->size;

        if (*p != '%') {
            buf_putc(buf, *p++);
            continue;
        }
        p = parse_escape(p + 1, &escape);
        if (*p == '\0') {
            buf_putc(buf, '%');
            return;
        }
        if (*p == 'd' || *p == 'D') {
            p = put_time_escape(buf, p, context);
        } else {
            put_escape(buf, *p++, context);
        }
        pad_escape(buf, start, &escape);
    }
}
