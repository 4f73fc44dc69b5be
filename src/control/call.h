// SPDX-License-Identifier: Apache-2.0
// A command being run: made by a dialect, run by the registry, answered by the command.
#pragma once

#include "basic/list.h"
#include "control/command.h"

enum command_outcome {
    COMMAND_DONE,
    COMMAND_FAILED,
    COMMAND_DENIED, // this caller may not run it
};

struct command_call {
    // The command's answer, exactly once. Owns and frees the call. `text` is the reply as
    // ovs-appctl prints it, or the error message. `reply` is the typed reply, borrowed; NULL for an
    // error and for a command without a method.
    void (*done)(struct command_call *call, enum command_outcome outcome, const char *text,
                 json_t *reply);
    // Answers are JSON from now on, or texts again. NULL: the dialect has no such choice.
    void (*set_json)(struct command_call *call, bool on);
    bool may_change;               // the caller may run what is not marked as `reads`
    const struct command *command; // set by command_registry_run()
    // Set by command_registry_run(): its on_change function is called before the answer; or NULL.
    const struct command_registry *changes;
};

// Who wants to hear of command_registry_changed(). Remove it with list_remove().
struct command_watch {
    struct list node;
    void (*changed)(struct command_watch *watch);
};
void command_registry_watch(struct command_registry *registry, struct command_watch *watch);

// In order of name: start with *state = 0, call until NULL.
const struct command *command_registry_next(const struct command_registry *registry, size_t *state);
// NULL: there is none of this name.
const struct command *command_registry_find(const struct command_registry *registry,
                                            const char *name);
// The command with this method, or NULL.
const struct command *command_registry_find_method(const struct command_registry *registry,
                                                   const char *method);
bool command_has_arg(const struct command *command, const char *name);
// Runs the command argv[0]. An unknown command, one that the caller may not run, and a wrong number
// of arguments are answered here. The call may be gone on return.
void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv);
// Frees the strings up to the NULL, and the array.
void command_argv_free(char **argv);
