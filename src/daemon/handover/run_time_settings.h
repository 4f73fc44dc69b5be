// SPDX-License-Identifier: Apache-2.0
// The settings that control commands change, as JSON values: the role of the server and its source,
// the audit, memory trimming, log levels. ovsdb-server.conf(5) describes what a restart does with
// them.
#pragma once

#include "json/tree.h"

struct parts;

// The current settings: {NAME: [CONFIGURED, VALUE], ...}. The caller owns the reference.
json_t *run_time_settings_get(const struct parts *parts);
// Applies those settings of such an object whose CONFIGURED equals the present configuration.
// Values of another type are ignored; a setting that is refused is logged.
void run_time_settings_set(const struct parts *parts, const json_t *settings);
