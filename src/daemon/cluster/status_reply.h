// SPDX-License-Identifier: Apache-2.0
// The reply to cluster/status: typed, and as the text that scripts and exporters read line by line.
#pragma once

#include "cluster/status.h"
#include "control/command.h"

extern const struct command_field cluster_status_fields[];

json_t *cluster_status_reply(const struct cluster_status *status);
// Prints a reply of cluster_status_reply() (command_print).
void cluster_status_print(const json_t *reply, struct buf *text);
// "leader", "candidate" or "follower".
const char *cluster_role_name(enum cluster_role role);
