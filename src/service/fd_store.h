// SPDX-License-Identifier: Apache-2.0
// The descriptor store of the service manager (FileDescriptorStoreMax=). It keeps descriptors for
// the next process of the service, which receives them as it receives sockets, each with its name.
#pragma once

#include <stdbool.h>

// Returns true if the service has a store: $FDSTORE is set. systemd sets it since version 254;
// units for older versions can set it.
bool fd_store_is_offered(void);
// Stores `fd`, which stays the caller's, and waits until it is stored. Returns 0 or negative errno.
int fd_store_push(const char *name, int fd);
// Removes the descriptors of this name.
void fd_store_remove(const char *name);
