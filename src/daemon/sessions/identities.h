// SPDX-License-Identifier: Apache-2.0
// Rules of the administrator (--identity) that set the role, id and rights of clients. A rule
// matches the user or group of a local client, which the kernel reports, or every TLS client. The
// first rule that matches is applied; without a match, the settings of the remote and the common
// name of the certificate count.
//
//     user:neutron, role=agent, id=host-1
//     group:operators, read-only=yes
//     user:*, role=guest
//     tls, id=dns                             a DNS name of the certificate is the id
#pragma once

#include "basic/failure.h"
#include "net/net.h"
#include "session/session.h"

struct identity_rule;

// A zeroed struct has no rules.
struct identities {
    struct identity_rule *rules;
    size_t n, capacity;
};

void identities_done(struct identities *identities);
// Appends a rule: words separated by commas or blanks, the first of which selects the clients.
// Names of users and groups are looked up now.
struct failure *identities_add(struct identities *identities, const char *rule);
bool identities_equal(const struct identities *a, const struct identities *b);
// Applies the first rule that matches to the options of a new session: role and id replace those of
// the remote; a read-only rule or remote makes the session read-only. `options` then points into
// the rules, the connection and `scratch`. Call it from opened() only.
void identities_apply(const struct identities *identities, const struct connection *connection,
                      struct buf *scratch, struct session_options *options);
