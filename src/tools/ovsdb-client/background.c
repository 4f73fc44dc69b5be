// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-client/background.h"

#include "config.h"
#include "control/control.h"
#include "service/pidfile.h"
#include "service/vlog_commands.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static struct command_registry *registry;
static struct control *control;
static int stop_signal; // the signal that stopped the verb, or 0

void client_background_fork(struct client_context *context)
{
    struct failure *failure = daemonize_start(&context->service.daemonize);

    if (failure) {
        tool_fail_failure(failure);
    }
    tool_rearm_timeout();
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct client_context *context = userdata;

    stop_signal = (int)info->ssi_signo;
    client_stop(context->client);
    return 0;
}

static void catch_signals(struct client_context *context)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        int r = sd_event_add_signal(client_event(context->client), NULL, signals[i], on_signal,
                                    context);

        if (r < 0) {
            tool_fail_errno(-r, "cannot watch signals");
        }
    }
}

static void run_exit(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct client_context *context = userdata;

    command_reply(call, "");
    client_stop(context->client);
}

static void run_version(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_free_ char *text = xasprintf("%s %s", tool_name(), OVSDBD_VERSION_TEXT);

    command_reply(call, text);
}

static const struct command own_commands[] = {
    {"exit", "", 0, 0, run_exit},
    {"version", "", 0, 0, run_version, .reads = true},
    {NULL},
};

static void open_control(struct client_context *context, const struct command *commands)
{
    _cleanup_free_ char *path = service_options_control_path(&context->service, tool_name());
    struct failure *failure;

    if (!path) {
        return;
    }
    registry = command_registry_new();
    command_register(registry, own_commands, context);
    vlog_commands_register(registry);
    if (commands) {
        command_register(registry, commands, context);
    }
    failure = control_new(client_event(context->client), registry, path, &control);
    if (failure) {
        tool_fail_failure(failure);
    }
}

void client_background_begin(struct client_context *context, const struct command *commands)
{
    const struct service_options *service = &context->service;

    // Signals are caught only if there is something to clean up. Otherwise they end the program at
    // once, even while it is blocked writing output.
    if (service->daemonize.detach || service->daemonize.pidfile || service->unixctl) {
        catch_signals(context);
    }
    if (service->daemonize.detach || service->unixctl) {
        open_control(context, commands);
    }
}

static void on_stop(void *userdata)
{
    client_background_end(userdata);
    client_background_die();
    exit(EXIT_SUCCESS);
}

void client_background_end_on_stop(struct client_context *context)
{
    client_on_stop(context->client, on_stop, context);
}

static void on_sent(void *userdata)
{
    client_background_ready(userdata);
}

void client_background_when_sent(struct client_context *context)
{
    if (context->service.daemonize.detach) {
        client_on_sent(context->client, on_sent, context);
    }
}

void client_background_ready(struct client_context *context)
{
    int output, errors;

    if (context->is_ready) {
        return;
    }
    context->is_ready = true;
    fflush(stdout);
    output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    tool_own_timeout();
    daemonize_ready();
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
        close(output);
    }
    if (errors >= 0) {
        dup2(errors, STDERR_FILENO);
        close(errors);
    }
}

void client_background_end(struct client_context *context)
{
    client_close(TAKE_PTR(context->client));
    control_free(TAKE_PTR(control));
    command_registry_free(TAKE_PTR(registry));
    pidfile_remove();
}

void client_background_die(void)
{
    sigset_t set;

    if (!stop_signal) {
        return;
    }
    if (stop_signal != SIGALRM) { // tool_set_timeout() has a handler that prints a message
        signal(stop_signal, SIG_DFL);
    }
    sigemptyset(&set);
    sigaddset(&set, stop_signal);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(stop_signal);
}
