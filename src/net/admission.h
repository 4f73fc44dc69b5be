// SPDX-License-Identifier: Apache-2.0
// Enforces the limits on the number of connections (in total, per remote, per user) and on the rate
// at which they are accepted. A user is the uid of a Unix socket's peer, otherwise the IP address.
// For this layer only.
#pragma once

#include "net/net.h"

// A user that has connections.
struct user;

// Returns true if the limits allow a listener one more connection, with the socket `fd`. Otherwise
// counts and logs the refusal. `name` is the name of the connection for the log.
bool admission_allows(struct remote *remote, int fd, const char *name);
// Counts one more connection of the user of socket `fd`. Returns the user, or NULL if it cannot be
// determined.
struct user *admission_enter(struct net *net, int fd);
// Counts the end of one connection of the user. NULL allowed.
void admission_leave(struct net *net, struct user *user);
size_t admission_most_of_user(const struct net *net); // the largest count of a user; O(users)
// Returns true if the rate limit allows to accept one more connection now. Otherwise stores in
// *ret_pause how long to wait.
bool admission_in_time(struct net *net, usec_t *ret_pause);
void admission_count(struct net *net); // counts an accepted connection for the rate limit
