// SPDX-License-Identifier: Apache-2.0
// Work that takes long: the service manager hears how far it is, and gives it more time. Before the
// server serves, SIGTERM and SIGINT are heeded in the middle of it.
#pragma once

#include "basic/progress.h"

// Names the file that is worked on; NULL: none.
void startup_begin(const char *file);
// A step of a struct progress. Does not return if the process is to end.
int startup_progress(void *userdata, const char *what, uint64_t done, uint64_t total);
// From now on signals are the event loop's.
void startup_is_over(void);
