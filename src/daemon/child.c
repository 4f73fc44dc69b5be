// SPDX-License-Identifier: Apache-2.0
#include "daemon/child.h"

#include "basic/alloc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct child {
    char *command;
    sd_event_source *source;
    void (*ended)(void *userdata, const char *error);
    void *userdata;
};

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct child *child = userdata;
    _cleanup_free_ char *error = NULL;

    if (info->si_code != CLD_EXITED) {
        error =
            xasprintf("%s: child exited, killed (%s)", child->command, strsignal(info->si_status));
    } else if (info->si_status) {
        error = xasprintf("%s: child exited, exit status %d", child->command, info->si_status);
    }
    child->ended(child->userdata, error);
    return 0;
}

// Runs the command in the subprocess, without the signal mask of the server and the environment
// variables that are meant for it alone.
static void exec_shell(const char *command)
{
    static const char *const service_variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
                                                    "WATCHDOG_PID"};
    sigset_t none;

    for (size_t i = 0; i < ARRAY_SIZE(service_variables); i++) {
        unsetenv(service_variables[i]);
    }
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

int child_new(sd_event *event, const char *command,
              void (*ended)(void *userdata, const char *error), void *userdata, struct child **ret)
{
    struct child *child;
    pid_t pid = fork();
    int r;

    if (pid < 0) {
        return -errno;
    }
    if (!pid) {
        exec_shell(command);
    }
    child = NEW(struct child);
    child->command = xstrdup(command);
    child->ended = ended;
    child->userdata = userdata;
    r = sd_event_add_child(event, &child->source, pid, WEXITED, on_exit_of_child, child);
    if (r < 0) {
        child_free(child);
        return r;
    }
    sd_event_source_set_description(child->source, "run");
    *ret = child;
    return 0;
}

void child_free(struct child *child)
{
    if (child) {
        sd_event_source_unref(child->source);
        free(child->command);
        free(child);
    }
}
