// SPDX-License-Identifier: Apache-2.0
// Which files ovsdb-server may use: the standard folders, and those that its command line names.
#pragma once

#include "daemon/options.h"

// Confines the process, before any thread is started and any client is served; nothing with
// --no-self-confinement. With --run the kernel does not enforce it, as the command would be
// confined too. NULL, or what is wrong (caller frees).
char *confinement_start(const struct server_options *options);

// Whether a remote that was named at run time may use its socket file. NULL, or why not (caller
// frees).
char *confinement_check_remote(const char *target);
