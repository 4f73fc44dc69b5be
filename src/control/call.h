// SPDX-License-Identifier: Apache-2.0
// A command being run: made by a dialect, run by the registry, answered by the command.
#pragma once

#include "control/command.h"

#include <stdbool.h>

struct command_call {
    // The command's answer, exactly once. Owns and frees the call.
    void (*done)(struct command_call *call, bool is_error, const char *text);
};

// In order of name: start with *state = 0, call until NULL.
const struct command *command_registry_next(const struct command_registry *registry, size_t *state);
// The command whose type has this method, or NULL.
const struct command *command_registry_find_method(const struct command_registry *registry,
                                                   const char *method);
bool command_type_has(const struct command_type *type, const char *argument);
// Runs the command argv[0]; an unknown command and a wrong number of arguments are answered here.
// The call may be gone on return.
void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv);
