// SPDX-License-Identifier: Apache-2.0
// Settings of a remote: how its connections behave, and what its clients may do.
#pragma once

#include "net/net.h"

#include <stdbool.h>

struct remote_settings {
    struct remote_options options;
    bool read_only;
    const char *role; // of RBAC; NULL or "": none
};
#define REMOTE_SETTINGS_DEFAULT ((struct remote_settings){.options = REMOTE_OPTIONS_DEFAULT})

struct remote_config {
    const char *target;
    struct remote_settings settings;
};
