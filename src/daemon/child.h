// SPDX-License-Identifier: Apache-2.0
// The command of --run: a subprocess with a shell. The server ends when it ends.
#pragma once

#include <systemd/sd-event.h>

struct child;

// Starts `command` with /bin/sh. `ended` is called once, from the loop: `error` is NULL if the
// command exited with status 0, else it says how it ended. SIGCHLD must be blocked. 0 or negative
// errno.
int child_new(sd_event *event, const char *command,
              void (*ended)(void *userdata, const char *error), void *userdata, struct child **ret);
void child_free(struct child *child); // does not end the subprocess
