// SPDX-License-Identifier: Apache-2.0
// The commands that set and show which transactions are logged (session/audit.h):
// ovsdb-server/tlog-set and ovsdb-server/tlog-list.
#pragma once

struct command_registry;
struct parts;

void audit_register_commands(struct command_registry *registry, const struct parts *parts);
