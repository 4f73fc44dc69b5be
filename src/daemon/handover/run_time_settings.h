// SPDX-License-Identifier: Apache-2.0
// The single settings that control commands change, as JSON values: the role of the server and its
// source, the audit, the trimming of memory, log levels. ovsdb-server.conf(5) has what becomes of
// them in a restart.
#pragma once

#include "json/tree.h"

struct daemon;

// {NAME: [CONFIGURED, VALUE], ...}
json_t *run_time_settings_get(const struct daemon *daemon);
// Sets those of such an object whose CONFIGURED is what the configuration says now. What has
// another form, or is refused, is logged and left alone.
void run_time_settings_set(struct daemon *daemon, const json_t *settings);
