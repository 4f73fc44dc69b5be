// SPDX-License-Identifier: Apache-2.0
// A process that waits for its child holds the read end of a pipe, and the child the write end. One
// byte means that the child is ready; the end of the file means that the child ended before.
#include "service/daemonize.h"

#include "basic/alloc.h"
#include "service/crash_state.h"
#include "service/pidfile.h"
#include "service/vlog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define RESTART_INTERVAL (10 * USEC_PER_SEC) // between two restarts of a worker that crashes

LOG_MODULE(daemon);

static int ready_fd = -1; // the write end of the pipe to the parent; -1: no parent waits
static bool detach_when_ready;
static bool chdir_when_ready;
static volatile pid_t worker;   // in the monitor: its child; 0: none
static int crash_state_fd = -1; // the monitor makes it, the workers inherit it

// Forks with a pipe. In the child ready_fd is its write end; in the parent *ret_fd is its read end.
static int fork_with_pipe(pid_t *ret_pid, int *ret_fd)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC)) {
        return -errno;
    }
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        int r = -errno;

        close(fds[0]);
        close(fds[1]);
        return r;
    }
    if (!pid) {
        close(fds[0]);
        if (ready_fd >= 0) {
            close(ready_fd);
        }
        ready_fd = fds[1];
    } else {
        close(fds[1]);
        *ret_fd = fds[0];
    }
    *ret_pid = pid;
    return 0;
}

// Waits for the child. Returns true if it is ready, false if it ended before.
static bool wait_until_ready(int fd)
{
    char byte;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n == 1;
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static const char *describe_status(int status, char text[128])
{
    if (WIFEXITED(status)) {
        snprintf(text, 128, "exit status %d", WEXITSTATUS(status));
    } else {
        snprintf(text, 128, "killed (%s)%s", strsignal(WTERMSIG(status)),
                 WCOREDUMP(status) ? ", core dumped" : "");
    }
    return text;
}

static void report_ready(void)
{
    if (ready_fd >= 0) {
        ssize_t n;

        do {
            n = write(ready_fd, "", 1);
        } while (n < 0 && errno == EINTR);
        close(TAKE_FD(ready_fd));
    }
}

static void close_standard_fds(void)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    vlog_leave_console();
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++) {
        dup2(null, fd);
    }
}

static void leave_terminal(void)
{
    if (detach_when_ready) {
        close_standard_fds();
        if (chdir_when_ready && chdir("/")) {
            log_warn("cannot change to the root folder: %s", strerror(errno));
        }
    }
}

// Forks the process for the background. Returns in the child, or with an error. The parent waits
// until the child is ready and exits.
static int detach_process(void)
{
    char text[128];
    pid_t pid;
    int fd, status;
    int r = fork_with_pipe(&pid, &fd);

    if (r < 0 || !pid) {
        if (!r) {
            setsid();
        }
        return r;
    }
    if (wait_until_ready(fd)) {
        _exit(0);
    }
    status = wait_for(pid);
    if (!WIFEXITED(status)) {
        fprintf(stderr, "%s: the detached process died before it was ready, %s\n",
                program_invocation_short_name, describe_status(status, text));
    }
    _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

static void on_forwarded_signal(int signal_number)
{
    if (worker > 0) {
        kill(worker, signal_number);
    } else {
        _exit(0); // between two workers
    }
}

static const int forwarded_signals[] = {SIGTERM, SIGINT, SIGHUP};

static void set_forwarding(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    for (size_t i = 0; i < ARRAY_SIZE(forwarded_signals); i++) {
        sigaction(forwarded_signals[i], &action, NULL);
    }
}

// Blocks the forwarded signals, so that none is delivered between fork() and storing the child's
// pid.
static void block_forwarded(sigset_t *ret_old)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(forwarded_signals); i++) {
        sigaddset(&set, forwarded_signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, ret_old);
}

static bool is_crash(int status)
{
    static const int crashes[] = {SIGABRT, SIGALRM, SIGBUS,  SIGFPE, SIGILL,
                                  SIGPIPE, SIGSEGV, SIGXCPU, SIGXFSZ};

    for (size_t i = 0; WIFSIGNALED(status) && i < ARRAY_SIZE(crashes); i++) {
        if (WTERMSIG(status) == crashes[i]) {
            return true;
        }
    }
    return false;
}

static void sleep_until(usec_t when)
{
    for (usec_t now = clock_monotonic(); now < when; now = clock_monotonic()) {
        usec_t left = when - now;
        struct timespec ts = {(time_t)(left / USEC_PER_SEC), (long)(left % USEC_PER_SEC * 1000)};

        nanosleep(&ts, NULL);
    }
}

// Changes to the folder in which the program was started, as a worker must begin there. A detached
// monitor has left it.
static void return_to(const char *folder)
{
    if (folder && chdir(folder)) {
        log_warn("%s: cannot return to this folder: %s", folder, strerror(errno));
    }
}

// Starts a worker, and another one when it crashes. If a worker ends in another way, exits with the
// same status. Restarts at once after the first crash, later at most every RESTART_INTERVAL.
// Returns in the workers, or with an error.
static int run_monitor(void)
{
    _cleanup_free_ char *folder = getcwd(NULL, 0);
    usec_t next_restart = 0;
    bool was_ready = false;

    vlog_set_subprogram("monitor");
    crash_state_fd = crash_state_new();
    if (crash_state_fd < 0) {
        log_warn("changes made by commands will not survive a crash: %s",
                 strerror(-crash_state_fd));
    }
    for (;;) {
        char text[128];
        sigset_t old;
        pid_t pid;
        int fd, status;
        int r;

        set_forwarding(on_forwarded_signal);
        block_forwarded(&old);
        r = fork_with_pipe(&pid, &fd);
        if (!r && !pid) {
            vlog_set_subprogram(NULL);
            set_forwarding(SIG_DFL);
            return_to(folder);
        } else if (!r) {
            worker = pid;
        }
        sigprocmask(SIG_SETMASK, &old, NULL);
        if (r < 0 || !pid) {
            return r;
        }
        if (wait_until_ready(fd) && !was_ready) {
            was_ready = true;
            report_ready();
            leave_terminal();
        }
        status = wait_for(pid);
        worker = 0;
        if (!is_crash(status)) {
            log_info("pid %ld ended, %s; the monitor ends too", (long)pid,
                     describe_status(status, text));
            exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        }
        log_err("pid %ld died, %s; starting it again", (long)pid, describe_status(status, text));
        sleep_until(next_restart);
        next_restart = clock_monotonic() + RESTART_INTERVAL;
    }
}

// True if this process is the main process of a systemd service of Type=notify.
static bool is_main_process(void)
{
    const char *pid = getenv("SYSTEMD_EXEC_PID");

    return getenv("NOTIFY_SOCKET") && pid && atol(pid) == (long)getpid();
}

struct failure *daemonize_start(const struct daemonize_options *options)
{
    struct failure *failure;
    int r = 0;

    if ((options->detach || options->monitor) && is_main_process()) {
        return failure_new(
            FAILURE_INVALID,
            "--%s: not possible in a service of Type=notify, because the service manager "
            "watches the process that it has started",
            options->detach ? "detach" : "monitor");
    }
    if (options->pidfile && !options->overwrite_pidfile) {
        // Checked before the fork: the error must end the program, not a worker of the monitor.
        failure = pidfile_check(options->pidfile);
        if (failure) {
            return failure;
        }
    }
    if (options->detach) {
        r = detach_process();
        detach_when_ready = true;
        chdir_when_ready = !options->no_chdir;
    }
    if (!r && options->monitor) {
        r = run_monitor();
    }
    if (r < 0) {
        return failure_from_errno(r, "cannot start a background process");
    }
    return options->pidfile ? pidfile_create(options->pidfile, options->overwrite_pidfile) : NULL;
}

int daemonize_crash_state(void)
{
    return crash_state_fd < 0 ? -1 : crash_state_fd;
}

void daemonize_ready(void)
{
    report_ready();
    leave_terminal();
}
