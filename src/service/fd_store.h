// SPDX-License-Identifier: Apache-2.0
// The descriptors that the service manager keeps for us from one process of the service to the next
// (FileDescriptorStoreMax=); they come back among the sockets it passes, by name.
#pragma once

#include <stdbool.h>

// True if it says that it does so: $FDSTORE (systemd 254 sets it, a unit for older ones may).
bool fd_store_is_offered(void);
// Has it keep `fd`, which stays the caller's. Waits until it has it. 0 or negative errno.
int fd_store_push(const char *name, int fd);
void fd_store_remove(const char *name);
