// SPDX-License-Identifier: Apache-2.0
// The registry of management commands: each layer's commands are registered once, by the daemon,
// and every dialect of the control socket is made from it.
#pragma once

#include "basic/buf.h"

// A command being run. The handler answers it exactly once, now or later.
struct command_call;

struct command {
    const char *name;  // "ovsdb-server/add-remote"
    const char *usage; // "REMOTE"; "" without arguments
    int min_args;
    int max_args; // -1: any number
    // argv[0] is the command's name.
    void (*run)(struct command_call *call, int argc, char **argv, void *userdata);
    void *userdata;
};

struct command_registry;

struct command_registry *command_registry_new(void); // has "list-commands"
void command_registry_free(struct command_registry *registry);
void command_register(struct command_registry *registry,
                      const struct command *command); // copied; strings stay the caller's
void command_registry_list(const struct command_registry *registry,
                           struct buf *text); // as list-commands prints

// The text to print on standard output, or for standard error with exit status 2. Ends the call.
void command_reply(struct command_call *call, const char *text);
void command_reply_error(struct command_call *call, const char *text);
