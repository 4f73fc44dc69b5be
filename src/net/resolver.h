// SPDX-License-Identifier: Apache-2.0
// Resolves host names to addresses. Each request calls getaddrinfo() on a helper thread of its own,
// so that the loop never waits for a name server. A request may be dropped at any time; its thread
// then ends by itself.
//
// getaddrinfo() is used, and not an asynchronous library such as c-ares, because it follows
// nsswitch.conf: host names from /etc/hosts, systemd-resolved, mDNS or LDAP resolve as in every
// other program of the host. A library that speaks DNS only would not find them. Requests are rare,
// one for each dial of a remote that has a host name, so that a thread for each costs nothing that
// matters.
#pragma once

#include "net/address.h"

#include <systemd/sd-event.h>

struct resolution;

// The loop calls this with the result. On success `error` is NULL and `endpoints` (valid during the
// call, at least one) are in the order in which to try them. Otherwise `error` is the reason.
typedef void resolver_fn(void *userdata, const char *error, const struct endpoint *endpoints,
                         size_t n_endpoints);

// Starts to resolve `host`. The endpoints will have `port`. Returns 0 or negative errno.
int resolver_ask(sd_event *event, const char *host, uint16_t port, resolver_fn *fn, void *userdata,
                 struct resolution **ret);
// Frees a request, whether or not it has been answered. May be called from within its `fn`. NULL
// allowed.
void resolution_free(struct resolution *resolution);
