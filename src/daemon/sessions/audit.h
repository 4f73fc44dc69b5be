// SPDX-License-Identifier: Apache-2.0
// The commands that say which transactions are logged: ovsdb-server/tlog-set and tlog-list. See
// session/audit.h.
#pragma once

#include "control/command.h"

struct daemon;

void audit_register_commands(struct command_registry *registry, struct daemon *daemon);
