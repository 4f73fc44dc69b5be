// SPDX-License-Identifier: Apache-2.0
// Restricts which files ovsdb-server may use: the standard folders, and the files that the command
// line and the configuration file name.
#pragma once

#include "daemon/options.h"

// Confines the process. Call it before any thread is started and any client is served. Does nothing
// with --no-self-confinement. The kernel does not enforce it with --run or with a key in a token:
// the command and the token's module may need other files.
struct failure *confinement_start(const struct server_options *options);
