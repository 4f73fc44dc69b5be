// SPDX-License-Identifier: Apache-2.0
// Progress of long work on database files: reports it to the service manager and extends the
// timeout there. During the start, SIGTERM and SIGINT interrupt the work.
#pragma once

#include "basic/progress.h"

#include <stdbool.h>

// Sets the file that progress reports name; the caller keeps the string.
void startup_begin(const char *file);
// A step of a struct progress. 0, or -ECANCELED if a signal has interrupted the start: the work
// must end, and so must the process.
int startup_progress(void *userdata, const char *what, uint64_t done, uint64_t total);
// Whether startup_progress() has returned -ECANCELED. It has logged the signal.
bool startup_is_interrupted(void);
// From now on the event loop handles signals.
void startup_is_over(void);
