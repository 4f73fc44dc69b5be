// SPDX-License-Identifier: Apache-2.0
// A call of a command. The client of the control socket makes it, the registry runs it, the command
// answers it. For this layer only.
#pragma once

#include "basic/list.h"
#include "control/command.h"

enum command_outcome {
    COMMAND_DONE,
    COMMAND_FAILED,
    COMMAND_DENIED, // the caller is not allowed to run it
};

struct command_call {
    // Called exactly once, with the command's answer. Frees the call. `text` is the reply as
    // ovs-appctl prints it, or the error message. `reply` is the typed reply, borrowed; it is NULL
    // for an error and for a command without a method.
    void (*done)(struct command_call *call, enum command_outcome outcome, const char *text,
                 json_t *reply);
    // Selects JSON or text for this client's further answers. NULL: the dialect has only one form.
    void (*set_json)(struct command_call *call, bool on);
    bool may_change;               // the caller may run commands that are not marked as `reads`
    const struct command *command; // set by command_registry_run()
    // Set by command_registry_run() for a command that may change something: the registry whose
    // on_change function is called before the answer. Otherwise NULL.
    const struct command_registry *changes;
};

// A function that command_registry_changed() calls. Remove it with list_remove().
struct command_watch {
    struct list node;
    void (*changed)(struct command_watch *watch);
};
void command_registry_watch(struct command_registry *registry, struct command_watch *watch);

// Returns the commands in order of their names: start with *state = 0, call until NULL.
const struct command *command_registry_next(const struct command_registry *registry, size_t *state);
// Returns the command, or NULL if there is none of this name.
const struct command *command_registry_find(const struct command_registry *registry,
                                            const char *name);
// Returns the command with this method, or NULL.
const struct command *command_registry_find_method(const struct command_registry *registry,
                                                   const char *method);
bool command_has_arg(const struct command *command, const char *name);
// Runs the command argv[0]. `argv` is needed until this returns only. Answers the call itself if
// the command is unknown, if the caller is not allowed to run it, or if the number of arguments is
// wrong. The call may be freed when this returns.
void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv);
// Frees a NULL-terminated array of strings and the strings. NULL allowed.
void command_argv_free(char **argv);
