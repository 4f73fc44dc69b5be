// SPDX-License-Identifier: Apache-2.0
// A command being run: made by a dialect, run by the registry, answered by the command.
#pragma once

#include "control/command.h"

#include <stdbool.h>

struct command_call {
    // The command's answer, exactly once. Owns and frees the call.
    void (*done)(struct command_call *call, bool is_error, const char *text);
};

// Runs the command argv[0]; an unknown command and a wrong number of arguments are answered here.
// The call may be gone on return.
void command_registry_run(const struct command_registry *registry, struct command_call *call,
                          int argc, char **argv);
