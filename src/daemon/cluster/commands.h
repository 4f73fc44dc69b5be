// SPDX-License-Identifier: Apache-2.0
// The control commands of clusters: cluster/status and the others.
#pragma once

#include "control/command.h"
#include "daemon/parts.h"

// Works on parts->cluster_control. `parts` must outlive the registry.
void cluster_commands_register(struct command_registry *registry, struct parts *parts);
