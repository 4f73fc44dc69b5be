// SPDX-License-Identifier: Apache-2.0
// The remotes this server listens on or connects to: from --remote, from ovsdb-server/add-remote,
// and sockets passed by the service manager. However written, the same remote is there once:
// "punix:db.sock" is "punix:RUNDIR/db.sock", and "ptcp:6640" is the passed socket of port 6640.
#pragma once

#include "basic/buf.h"
#include "net/net.h"

#include <stdbool.h>

struct remotes;

struct remotes *remotes_new(struct net *net);
void remotes_free(struct remotes *remotes); // closes all

// A remote that is there already is no error. NULL, or what is wrong (caller frees).
char *remotes_add(struct remotes *remotes, const char *target);
// Adopts a descriptor, in any case. NULL, or what is wrong (caller frees).
char *remotes_add_fd(struct remotes *remotes, int fd);
// False if there is none.
bool remotes_remove(struct remotes *remotes, const char *target);
size_t remotes_count(const struct remotes *remotes);
// Appends the targets, sorted, one a line.
void remotes_list(const struct remotes *remotes, struct buf *text);
