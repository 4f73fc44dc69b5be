// SPDX-License-Identifier: Apache-2.0
// Reads the configuration file in either of its forms.
#pragma once

#include "daemon/configuration/configuration.h"

// Reads the file. A failure names file, line and key.
struct failure *configuration_load(const char *path, struct configuration *ret);
// The same for the text of a file; `path` is for messages.
struct failure *configuration_parse(const char *path, struct slice text, struct configuration *ret);
