// SPDX-License-Identifier: Apache-2.0
// How many may connect: in all, to one remote, of one user (the uid behind a Unix socket, else the
// address), and how fast. For this layer only.
#pragma once

#include "net/net.h"

// Who has connections; counted while there are some.
struct user;

// May a listener have one more connection, from this socket? If not, it is counted and logged.
bool admission_allows(struct remote *remote, int fd, const char *name);
// A user has one connection more, or less. NULL: it cannot be known.
struct user *admission_enter(struct net *net, int fd);
void admission_leave(struct net *net, struct user *user);
size_t admission_most_of_user(const struct net *net); // connections; O(users)
// May one more be accepted now? Else *ret_pause is how long to wait.
bool admission_in_time(struct net *net, usec_t *ret_pause);
void admission_count(struct net *net); // one was accepted
