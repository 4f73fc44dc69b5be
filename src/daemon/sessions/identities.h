// SPDX-License-Identifier: Apache-2.0
// Who clients are beyond the common name of their certificate: rules of the administrator that
// match the user or a group of a local client, which the kernel tells, or every TLS client, and say
// what follows.
//
//     user:neutron, role=agent, id=host-1     the first that matches counts
//     group:operators, read-only=yes
//     user:*, role=guest
//     tls, id=dns                             a DNS name of the certificate is the id
#pragma once

#include "net/net.h"
#include "session/session.h"

struct identity_rule;

// A zeroed struct has no rules.
struct identities {
    struct identity_rule *rules;
    size_t n, capacity;
};

void identities_done(struct identities *identities);
// Appends a rule: words separated by commas or blanks, the first of them whom it is about. Names of
// users and groups are looked up now. NULL, or what is wrong (caller frees).
char *identities_add(struct identities *identities, const char *rule);
bool identities_equal(const struct identities *a, const struct identities *b);
// Changes what the remote says about a new session as the rules want: a role and an id take the
// place of the remote's, read_only is added. `options` gets to point into the rules, the connection
// and `scratch`. From opened() only.
void identities_apply(const struct identities *identities, const struct connection *connection,
                      struct buf *scratch, struct session_options *options);
