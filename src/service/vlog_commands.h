// SPDX-License-Identifier: Apache-2.0
// The management commands vlog/set, list, list-pattern, message, reopen, close, enable-rate-limit
// and disable-rate-limit.
#pragma once

#include "control/command.h"

void vlog_commands_register(struct command_registry *registry);
