// SPDX-License-Identifier: Apache-2.0
// The management commands of ovsdb-server.
#pragma once

#include "control/command.h"

struct daemon;

void commands_register(struct command_registry *registry, struct daemon *daemon);
