// SPDX-License-Identifier: Apache-2.0
// Names to addresses on a helper thread, one per question, so that the loop never waits for a name
// server. A question may be dropped at any time; its thread then ends by itself.
#pragma once

#include "net/address.h"

#include <systemd/sd-event.h>

struct resolution;

// Called from the loop. On success `error` is NULL and `endpoints` (valid during the call, at least
// one) are in the order to be tried; else `error` says why.
typedef void resolver_fn(void *userdata, const char *error, const struct endpoint *endpoints,
                         size_t n_endpoints);

// Asks for `host`; `port` is filled into the endpoints. 0 or negative errno.
int resolver_ask(sd_event *event, const char *host, uint16_t port, resolver_fn *fn, void *userdata,
                 struct resolution **ret);
// Ends the question, answered or not; must be called for each. May be called from within its fn.
void resolution_free(struct resolution *resolution);
