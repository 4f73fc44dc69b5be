// SPDX-License-Identifier: Apache-2.0
#include "tools/progress_bar.h"

#include "basic/macro.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_USEC   (100 * USEC_PER_MSEC)
#define WIDTH_DEFAULT 80
#define WIDTH_MAX     120
#define BAR_WIDTH     30
#define SPARE_WIDTH   48 // columns for the text beside the bar

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static struct {
    bool is_disabled;
    struct progress_state state; // of the last step; `what` is NULL before the first
    usec_t began;
    usec_t drawn_at;
} bar;

// The signal handler uses these, too:
static volatile sig_atomic_t drawn_width; // columns on the terminal; 0: there is no bar
static volatile sig_atomic_t is_catching;
static volatile sig_atomic_t caught; // a signal, or 0

// Whether the steps of this work count rows; otherwise they count bytes.
static bool counts_rows(const char *what)
{
    return !strcmp(what, "writing") || !strcmp(what, "converting");
}

static void put_amount(struct buf *buf, double amount, bool is_rows)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;

    for (; amount >= 1000 && i + 1 < ARRAY_SIZE(prefixes); i++) {
        amount /= 1000;
    }
    buf_printf(buf, "%.*f", amount < 10 && i ? 1 : 0, amount);
    if (is_rows) {
        buf_printf(buf, "%s rows", prefixes[i]);
    } else {
        buf_printf(buf, " %sB", prefixes[i]);
    }
}

static void put_time(struct buf *buf, double seconds)
{
    unsigned long s = seconds < 1e8 ? (unsigned long)(seconds + 0.5) : 100000000;

    if (s >= 3600) {
        buf_printf(buf, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    } else {
        buf_printf(buf, "%lu:%02lu", s / 60, s % 60);
    }
}

static void put_bar(struct buf *buf, uint64_t done, uint64_t total, size_t width)
{
    double part = (double)done / (double)total;
    size_t n_full = (size_t)(part * (double)width);

    buf_puts(buf, " [");
    for (size_t i = 0; i < width; i++) {
        buf_putc(buf, i < n_full ? '#' : '.');
    }
    buf_printf(buf, "] %3d%%", (int)(part * 100));
}

// Amount per second; 0: not known yet.
static double rate_of(const struct progress_state *state)
{
    if (!state->elapsed || state->done < state->first) {
        return 0;
    }
    return (double)(state->done - state->first) * USEC_PER_SEC / (double)state->elapsed;
}

void progress_bar_put(struct buf *buf, const struct progress_state *state, size_t width)
{
    size_t begin = buf->size;
    double rate = rate_of(state);
    uint64_t total = state->total;
    uint64_t done = total ? MIN(state->done, total) : state->done;

    buf_puts(buf, state->what);
    if (total && width > SPARE_WIDTH) {
        put_bar(buf, done, total, MIN((size_t)BAR_WIDTH, width - SPARE_WIDTH));
    } else if (done) {
        buf_putc(buf, ' ');
        put_amount(buf, (double)done, counts_rows(state->what));
    } else if (!total) {
        buf_puts(buf, "  ");
        put_time(buf, (double)(state->elapsed / USEC_PER_SEC));
    }
    if (rate > 0) {
        buf_puts(buf, "  ");
        put_amount(buf, rate, counts_rows(state->what));
        buf_puts(buf, "/s");
    }
    if (rate > 0 && total) {
        buf_puts(buf, "  ");
        put_time(buf, (double)(total - done) / rate);
        buf_puts(buf, " left");
    }
    buf->size = MIN(buf->size, begin + width);
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col) {
        return WIDTH_DEFAULT;
    }
    return MIN((size_t)size.ws_col, (size_t)WIDTH_MAX);
}

static void write_error_output(const char *text, size_t size)
{
    ssize_t n = write(STDERR_FILENO, text, size);

    (void)n; // without the terminal the bar is not needed
}

// Async-signal-safe.
void progress_bar_clear(void)
{
    char blanks[WIDTH_MAX + 2];
    size_t width = (size_t)drawn_width;

    if (width) {
        assert(width <= WIDTH_MAX);
        memset(blanks, ' ', sizeof(blanks));
        blanks[0] = blanks[width + 1] = '\r';
        write_error_output(blanks, width + 2);
        drawn_width = 0;
    }
}

static void draw_bar(void)
{
    _cleanup_buf_ struct buf text = {0};
    size_t width;

    buf_putc(&text, '\r');
    progress_bar_put(&text, &bar.state, terminal_width() - 1);
    width = text.size - 1;
    while (text.size - 1 < (size_t)drawn_width) {
        buf_putc(&text, ' ');
    }
    drawn_width = (sig_atomic_t)MAX(width, (size_t)drawn_width);
    write_error_output(text.data, text.size);
}

static int on_progress(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    usec_t now = clock_monotonic();
    bool is_new = !bar.state.what || strcmp(what, bar.state.what) != 0;

    assert(what);
    if (caught) {
        return -EINTR;
    }
    if (is_new) {
        bar.state = (struct progress_state){.what = what, .first = done};
        bar.began = now;
    }
    bar.state.done = done;
    bar.state.total = total;
    bar.state.elapsed = now - bar.began;
    if (!bar.is_disabled && (is_new || now - bar.drawn_at >= REDRAW_USEC)) {
        bar.drawn_at = now;
        draw_bar();
    }
    return 0;
}

static void on_signal(int signal_number)
{
    if (is_catching && !caught) {
        caught = signal_number;
        return;
    }
    progress_bar_clear();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

// Signals that are ignored, for instance by nohup, stay ignored.
static void handle_signals(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

        if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

const struct progress *progress_bar(void)
{
    static const struct progress progress = {on_progress, NULL};

    if (!isatty(STDERR_FILENO)) {
        bar.is_disabled = true;
    }
    if (!bar.is_disabled) {
        handle_signals();
    }
    return &progress;
}

void progress_bar_disable(void)
{
    bar.is_disabled = true;
}

void progress_bar_catch_signals(void)
{
    is_catching = true;
    handle_signals();
}

void progress_bar_end_if_interrupted(void)
{
    if (caught) {
        progress_bar_clear();
        signal(caught, SIG_DFL);
        raise(caught);
    }
}
