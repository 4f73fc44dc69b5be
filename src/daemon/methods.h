// SPDX-License-Identifier: Apache-2.0
// What the commands are as varlink methods.
#pragma once

#include "control/command.h"

// All of commands_register() must be registered.
void methods_describe(struct command_registry *registry);
