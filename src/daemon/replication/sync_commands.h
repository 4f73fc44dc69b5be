// SPDX-License-Identifier: Apache-2.0
// The control commands of active-backup replication. Without a database name they concern all
// databases.
#pragma once

#include "control/command.h"
#include "daemon/replication/sync.h"

void sync_register_commands(struct sync *sync, struct command_registry *registry);
