// SPDX-License-Identifier: Apache-2.0
// ovsdb-top: shows the clients of a running server, their monitors, slow transactions and its
// status, and refreshes them periodically. On a terminal it redraws the window and handles keys;
// otherwise (batch mode) it prints one table after the other.
#include "basic/str.h"
#include "basic/utf8.h"
#include "control/reply_table.h"
#include "service/options.h"
#include "tools/client.h"
#include "tools/control_target.h"
#include "tools/ovsdb-top/terminal.h"
#include "tools/ovsdb-top/view.h"
#include "tools/tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TARGET    "ovsdb-server"
#define DEFAULT_INTERVAL  (2 * USEC_PER_SEC)
#define MIN_INTERVAL      0.1
#define MAX_INTERVAL      86400.0
#define EXIT_SERVER_ERROR 2
#define N_HEADER_LINES    2
#define COLUMN_STEP       8 // characters that the left and right keys move by
#define KEYS_HELP         "keys: q 1-4 < > r p arrows"

struct top {
    const char *target;
    bool is_batch;
    uint64_t n_refreshes; // number of refreshes left; UINT64_MAX: no limit
    usec_t interval;
    const char *sort; // NULL: the view's own column
    bool reverse;
    struct service_options service;
    struct tls_options tls;

    struct top_view *view;
    char *error; // why the last refresh failed, or NULL
    bool is_paused, must_refresh;
    size_t first_row, first_column; // of the table, at the upper left corner
};

static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"batch", no_argument, NULL, 'b'},
    {"count", required_argument, NULL, 'n'},
    {"delay", required_argument, NULL, 'd'},
    {"sort", required_argument, NULL, 's'},
    {"reverse", no_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LOG_LONG_OPTIONS,
    TLS_LONG_OPTIONS,
    {NULL},
};

static void print_help(void)
{
    printf(
        "%s: shows the activity of the clients of an ovsdb-server\n"
        "usage: %s [OPTIONS] [VIEW]\n"
        "\n"
        "VIEW is clients (default), monitors, slow-log or status.\n"
        "\n"
        "  -t, --target=TARGET   name of the daemon, or its control socket (begins with /), or a\n"
        "                        remote that leads there: ssl:HOST:PORT, tcp:HOST:PORT, "
        "unix:FILE\n"
        "                        (default: " DEFAULT_TARGET
        ")\n"
        "  -b, --batch           print tables for scripts (default without a terminal)\n"
        "  -n, --count=COUNT     end after COUNT refreshes\n"
        "  -d, --delay=SECS      refresh every SECS seconds, at least 0.1 (default 2)\n"
        "  -s, --sort=COLUMN     sort by COLUMN\n"
        "  -r, --reverse         sort in reverse order\n"
        "  -T, --timeout=SECS    end after SECS seconds\n"
        "  -h, --help            print this text\n"
        "  -o, --option          print the options, for programs\n"
        "  -V, --version         print the version\n"
        "\n"
        "Keys:\n"
        "  q                     quit\n"
        "  1 2 3 4, Tab          show the clients, monitors, slow log, status; the next view\n"
        "  < >                   sort by the column to the left, to the right\n"
        "  r                     reverse the order\n"
        "  p                     pause, continue\n"
        "  space                 refresh now\n"
        "  arrows, Home, Page Up, Page Down, End  scroll\n",
        tool_name(), tool_name());
    tls_options_help(tool_name());
    service_log_options_help(tool_name());
}

static void select_view(struct top *top, struct top_view *view)
{
    if (view != top->view) {
        top->view = view;
        top->must_refresh = true;
        top->first_row = top->first_column = 0;
    }
}

// Gets the view's records from the server. Returns the result of control_target_call(), or -EPROTO.
// Sets top->error on failure.
static int update_view(struct top *top)
{
    char *command[] = {(char *)top_view_command(top->view)};
    _cleanup_free_ char *text = NULL;
    int r = control_target_call(top->target, &top->tls, true, 1, command, &text);

    free(top->error);
    top->error = NULL;
    if (!r && !top_view_update(top->view, text, clock_monotonic())) {
        top->error = xasprintf("%s: unexpected reply to %s", top->target, command[0]);
        return -EPROTO;
    }
    if (r) {
        text[strcspn(text, "\n")] = '\0';
        reply_replace_controls(text);
        top->error = r > 0 ? xasprintf("%s: %s", top->target, text) : xstrdup(text);
    }
    return r;
}

static void refresh_or_fail(struct top *top)
{
    int r = update_view(top);

    if (r) {
        fflush(stdout);
        fprintf(stderr, "%s: %s\n", tool_name(), top->error);
        exit(r > 0 ? EXIT_SERVER_ERROR : EXIT_FAILURE);
    }
}

static void put_time(struct buf *text)
{
    time_t now = (time_t)(clock_realtime() / USEC_PER_SEC);
    char digits[32];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(digits, sizeof(digits), "%FT%TZ", &tm);
    buf_puts(text, digits);
}

static void put_summary(const struct top *top, struct buf *text)
{
    buf_printf(text, "%zu %s, sorted by %s%s", top_view_count(top->view),
               top_view_count(top->view) == 1 ? "line" : "lines", top_view_sort_column(top->view),
               top_view_is_reversed(top->view) ? ", reversed" : "");
}

static void print_batch(const struct top *top)
{
    _cleanup_buf_ struct buf text = {0};

    put_time(&text);
    buf_printf(&text, " %s: ", top_view_name(top->view));
    put_summary(top, &text);
    buf_putc(&text, '\n');
    top_view_print(top->view, &text);
    tool_print(buf_slice(&text));
}

static void sleep_until(usec_t deadline)
{
    struct timespec time = {.tv_sec = (time_t)(deadline / USEC_PER_SEC),
                            .tv_nsec = (long)(deadline % USEC_PER_SEC) * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {
    }
}

static void run_batch(struct top *top)
{
    for (;;) {
        usec_t next = clock_monotonic() + top->interval;

        refresh_or_fail(top);
        print_batch(top);
        if (--top->n_refreshes == 0) {
            return;
        }
        sleep_until(next);
        tool_print(SLICE("\n"));
    }
}

// Moves `text` behind one character of UTF-8.
static const char *skip_character(const char *text, const char *end)
{
    do {
        text++;
    } while (text < end && utf8_is_continuation(*text));
    return text;
}

// Appends `width` characters of the line after its first `first` ones.
static void put_part(struct buf *text, struct slice line, size_t first, size_t width)
{
    const char *end = line.data + line.size;
    const char *from = line.data, *to;

    for (size_t i = 0; i < first && from < end; i++) {
        from = skip_character(from, end);
    }
    to = from;
    for (size_t i = 0; i < width && to < end; i++) {
        to = skip_character(to, end);
    }
    buf_put(text, from, (size_t)(to - from));
    buf_putc(text, '\n');
}

static void put_header(const struct top *top, struct buf *text, size_t width)
{
    _cleanup_buf_ struct buf line = {0};

    put_time(&line);
    for (size_t i = 0; i < TOP_N_VIEWS; i++) {
        const struct top_view *view = top_view_get(i);

        buf_printf(&line, view == top->view ? "  [%zu %s]" : "  %zu %s", i + 1,
                   top_view_name(view));
    }
    buf_printf(&line, "  %s", top->target);
    put_part(text, buf_slice(&line), 0, width);
    buf_clear(&line);
    if (top->error) {
        buf_puts(&line, top->error);
    } else {
        put_summary(top, &line);
        buf_printf(&line, "%s  " KEYS_HELP, top->is_paused ? ", PAUSED" : "");
    }
    put_part(text, buf_slice(&line), 0, width);
}

// Appends what fits of the table, without its line of dashes, in `rows` lines.
static void put_table(const struct top *top, struct buf *text, size_t rows, size_t width)
{
    _cleanup_buf_ struct buf table = {0};
    const char *end;
    size_t number = 0, n_lines = 0;

    top_view_print(top->view, &table);
    end = table.data + table.size;
    for (const char *line = table.data; line < end && n_lines < rows; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        if (number == 0 || number >= 2 + top->first_row) {
            put_part(text, (struct slice){line, (size_t)(stop - line)}, top->first_column, width);
            n_lines++;
        }
        line = stop + 1;
    }
}

static void draw_window(struct top *top)
{
    _cleanup_buf_ struct buf text = {0};
    size_t rows, width;

    terminal_size(&rows, &width);
    top->first_row = MIN(top->first_row, MAX(top_view_count(top->view), (size_t)1) - 1);
    if (rows > N_HEADER_LINES) {
        put_header(top, &text, width);
        put_table(top, &text, rows - N_HEADER_LINES - 1, width);
    }
    terminal_draw(buf_slice(&text), N_HEADER_LINES, N_HEADER_LINES);
}

static void scroll_rows(struct top *top, int key)
{
    size_t rows, width, page;

    terminal_size(&rows, &width);
    page = rows > N_HEADER_LINES + 2 ? rows - N_HEADER_LINES - 2 : 1;
    if (key == KEY_UP || key == KEY_PAGE_UP) {
        top->first_row -= MIN(top->first_row, key == KEY_UP ? 1 : page);
    } else if (key == KEY_HOME) {
        top->first_row = 0;
    } else if (key == KEY_END) {
        top->first_row = top_view_count(top->view) - MIN(top_view_count(top->view), page);
    } else {
        top->first_row += key == KEY_DOWN ? 1 : page; // draw_window() limits it
    }
}

// False: the user quits.
static bool handle_key(struct top *top, int key)
{
    switch (key) {
    case 'q':
    case KEY_CLOSED:
        return false;
    case '1' ... '0' + TOP_N_VIEWS:
        select_view(top, top_view_get((size_t)(key - '1')));
        break;
    case '\t':
        select_view(top, top_view_get((top_view_index(top->view) + 1) % TOP_N_VIEWS));
        break;
    case '<':
    case '>':
        top_view_sort_next(top->view, key == '<' ? -1 : 1);
        break;
    case 'r':
        top_view_reverse(top->view);
        break;
    case 'p':
        top->is_paused = !top->is_paused;
        break;
    case ' ':
        top->must_refresh = true;
        break;
    case KEY_LEFT:
        top->first_column -= MIN(top->first_column, (size_t)COLUMN_STEP);
        break;
    case KEY_RIGHT:
        top->first_column += COLUMN_STEP;
        break;
    case KEY_UP ... KEY_END:
        scroll_rows(top, key);
        break;
    }
    return true;
}

static void run_terminal(struct top *top)
{
    usec_t next = clock_monotonic() + top->interval;
    int r;

    refresh_or_fail(top);
    r = terminal_start();
    if (r < 0) {
        tool_fail_errno(-r, "cannot set up the terminal");
    }
    top->must_refresh = false;
    top->n_refreshes--;
    for (;;) {
        usec_t now = clock_monotonic();

        if (top->must_refresh || (!top->is_paused && now >= next)) {
            if (!top->n_refreshes) {
                return;
            }
            top->n_refreshes--;
            top->must_refresh = false;
            update_view(top);
            next = now + top->interval;
        }
        draw_window(top);
        if (!handle_key(top, terminal_read_key(top->is_paused ? now + USEC_PER_SEC : next))) {
            return;
        }
    }
}

static bool has_terminal(void)
{
    const char *name = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && name[0] &&
           strcmp(name, "dumb") != 0;
}

static usec_t parse_delay(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= MIN_INTERVAL && seconds <= MAX_INTERVAL)) {
        tool_fail("value %s on -d or --delay is invalid: seconds from %g to %g are expected", text,
                  MIN_INTERVAL, MAX_INTERVAL);
    }
    return (usec_t)(seconds * (double)USEC_PER_SEC);
}

static void handle_option(struct top *top, int c)
{
    switch (c) {
    case 't':
        top->target = optarg;
        break;
    case 'b':
        top->is_batch = true;
        break;
    case 'n':
        if (!str_parse_number(optarg, INT_MAX, &top->n_refreshes) || !top->n_refreshes) {
            tool_fail("value %s on -n or --count is invalid: a number from 1 to %d is expected",
                      optarg, INT_MAX);
        }
        break;
    case 'd':
        top->interval = parse_delay(optarg);
        break;
    case 's':
        top->sort = optarg;
        break;
    case 'r':
        top->reverse = true;
        break;
    case 'T':
        tool_set_timeout(optarg, "-T or --timeout");
        break;
    case 'h':
        print_help();
        exit(EXIT_SUCCESS);
    default:
        if (!client_handle_tls_option(&top->tls, c)) {
            tool_handle_option(&top->service, c, long_options);
        }
    }
}

// Applies the arguments after the options, and the options that concern the view.
static void choose_view(struct top *top, int argc, char **argv)
{
    if (argc > 1) {
        tool_fail("at most one view is expected (use --help for help)");
    }
    top->view = top_view_find(argc ? argv[0] : "clients");
    if (!top->view) {
        tool_fail("there is no view \"%s\" (use --help for help)", argv[0]);
    }
    if (top->sort && !top_view_sort_by(top->view, top->sort)) {
        tool_fail("there is no column \"%s\" to sort by", top->sort);
    }
    if (top->reverse) {
        top_view_reverse(top->view);
    }
}

int main(int argc, char **argv)
{
    _cleanup_free_ char *short_options = tool_short_options(long_options);
    struct top top = {
        .target = DEFAULT_TARGET, .n_refreshes = UINT64_MAX, .interval = DEFAULT_INTERVAL};
    int c;

    tool_init(argv);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        handle_option(&top, c);
    }
    tool_apply_options(&top.service);
    choose_view(&top, argc - optind, argv + optind);
    if (top.is_batch || !has_terminal()) {
        run_batch(&top);
    } else {
        run_terminal(&top);
    }
    free(top.error);
    service_options_done(&top.service);
    tls_options_done(&top.tls);
    return EXIT_SUCCESS;
}
