// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-top/terminal.h"

#include "tools/tool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define HIDE_CURSOR   "\033[?25l"
#define SHOW_CURSOR   "\033[?25h"
#define WRAP_OFF      "\033[?7l"
#define WRAP_ON       "\033[?7h"
#define HOME          "\033[H"
#define CLEAR_LINE    "\033[K"
#define CLEAR_REST    "\033[J"
#define BOLD          "\033[1m"
#define INVERSE       "\033[7m"
#define NORMAL        "\033[m"
#define ESCAPE_WAIT   (50 * USEC_PER_MSEC) // for the rest of a key's escape sequence
#define DEFAULT_ROWS  24
#define DEFAULT_WIDTH 80

static struct termios saved, raw;
static volatile sig_atomic_t is_raw;
static volatile sig_atomic_t was_resized; // or continued: the window must be drawn again

// Async-signal-safe, like the two functions below it.
static void write_codes(const char *codes)
{
    ssize_t n = write(STDOUT_FILENO, codes, strlen(codes));

    (void)n; // the terminal may have been closed
}

static void leave_raw(void)
{
    if (is_raw) {
        is_raw = false;
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
        write_codes(NORMAL WRAP_ON SHOW_CURSOR "\n");
    }
}

static void enter_raw(void)
{
    is_raw = true;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_codes(HIDE_CURSOR HOME CLEAR_REST);
}

// The handler is installed with SA_RESETHAND: the second signal ends the process.
static void on_fatal_signal(int number)
{
    leave_raw();
    raise(number);
}

static void on_stop(int number)
{
    int saved_errno = errno;

    leave_raw();
    raise(SIGSTOP); // returns after SIGCONT
    enter_raw();
    was_resized = true;
    errno = saved_errno;
}

static void on_resize(int number)
{
    was_resized = true;
}

static void handle_signal(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction former;

    sigaction(number, NULL, &former);
    if (former.sa_handler != SIG_IGN) {
        sigfillset(&action.sa_mask);
        sigaction(number, &action, NULL);
    }
}

int terminal_start(void)
{
    static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGALRM, SIGPIPE,
                                SIGABRT, SIGUSR1, SIGUSR2, SIGSEGV, SIGBUS,  SIGXCPU};

    if (tcgetattr(STDIN_FILENO, &saved) < 0) {
        return -errno;
    }
    raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    atexit(leave_raw);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        handle_signal(fatal[i], on_fatal_signal, (int)SA_RESETHAND);
    }
    handle_signal(SIGTSTP, on_stop, SA_RESTART);
    handle_signal(SIGWINCH, on_resize, SA_RESTART);
    enter_raw();
    return 0;
}

void terminal_size(size_t *ret_rows, size_t *ret_columns)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col) {
        size = (struct winsize){.ws_row = DEFAULT_ROWS, .ws_col = DEFAULT_WIDTH};
    }
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
}

// Waits until standard input is readable. False: the deadline has passed, or a signal interrupted.
// SIGWINCH is blocked outside of ppoll(), so that none is missed between the check and the wait.
static bool wait_for_input(usec_t deadline)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    usec_t now = clock_monotonic();
    usec_t left = deadline > now ? deadline - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / USEC_PER_SEC),
                               .tv_nsec = (long)(left % USEC_PER_SEC) * 1000};
    sigset_t blocked, former;
    bool is_ready = false;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGWINCH);
    sigaddset(&blocked, SIGTSTP);
    sigprocmask(SIG_BLOCK, &blocked, &former);
    if (!was_resized) {
        is_ready = ppoll(&fd, 1, &timeout, &former) > 0;
    }
    sigprocmask(SIG_SETMASK, &former, NULL);
    return is_ready;
}

// Reads a byte of an escape sequence; -1 if none follows.
static int read_sequence_byte(void)
{
    unsigned char c;

    return wait_for_input(clock_monotonic() + ESCAPE_WAIT) && read(STDIN_FILENO, &c, 1) == 1 ? c
                                                                                             : -1;
}

// Reads what follows ESC: "[" or "O", parameters, and a final byte.
static int read_sequence(void)
{
    static const struct {
        int parameter, final, key;
    } sequences[] = {{0, 'A', KEY_UP},        {0, 'B', KEY_DOWN},        {0, 'C', KEY_RIGHT},
                     {0, 'D', KEY_LEFT},      {0, 'H', KEY_HOME},        {0, 'F', KEY_END},
                     {'5', '~', KEY_PAGE_UP}, {'6', '~', KEY_PAGE_DOWN}, {'1', '~', KEY_HOME},
                     {'4', '~', KEY_END}};
    int c = read_sequence_byte(), parameter = 0;

    if (c != '[' && c != 'O') {
        return KEY_NONE;
    }
    while ((c = read_sequence_byte()) >= 0 && c < '@') {
        parameter = c;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        if (sequences[i].final == c && sequences[i].parameter == parameter) {
            return sequences[i].key;
        }
    }
    return KEY_NONE;
}

int terminal_read_key(usec_t deadline)
{
    unsigned char c;
    ssize_t n;

    if (!wait_for_input(deadline)) {
        was_resized = false;
        return KEY_NONE;
    }
    n = read(STDIN_FILENO, &c, 1);
    if (n <= 0) {
        return n < 0 && errno == EINTR ? KEY_NONE : KEY_CLOSED;
    }
    return c == '\033' ? read_sequence() : c;
}

void terminal_draw(struct slice text, size_t n_bold, size_t inverse)
{
    _cleanup_buf_ struct buf codes = {0};
    const char *end = text.data + text.size;
    size_t number = 0;

    buf_puts(&codes, WRAP_OFF HOME);
    for (const char *line = text.data; line < end; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        assert(stop);
        if (number < n_bold || number == inverse) {
            buf_puts(&codes, number == inverse ? INVERSE : BOLD);
        }
        buf_put(&codes, line, (size_t)(stop - line));
        buf_puts(&codes, CLEAR_LINE NORMAL "\r\n");
        line = stop + 1;
    }
    buf_puts(&codes, CLEAR_REST WRAP_ON);
    fwrite(codes.data, 1, codes.size, stdout); // tool_print() would replace the codes
    tool_finish();
}
