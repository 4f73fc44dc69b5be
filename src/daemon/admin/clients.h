// SPDX-License-Identifier: Apache-2.0
// The commands that list clients, their monitors and slow transactions: ovsdb-server/clients,
// ovsdb-server/monitors, ovsdb-server/slow-log and ovsdb-server/slow-log-clear.
#pragma once

struct command_registry;
struct server;

void clients_register_commands(struct command_registry *registry, struct server *server);
