// SPDX-License-Identifier: Apache-2.0
// Commands about clients: ovsdb-server/clients, ovsdb-server/monitors, ovsdb-server/slow-log.
#pragma once

#include "control/command.h"

struct daemon;

void clients_register_commands(struct command_registry *registry, struct daemon *daemon);
