// SPDX-License-Identifier: Apache-2.0
// Gives up privileges of the process, permanently. To be called before any thread is started.
#pragma once

#include "basic/failure.h"

#include <stdbool.h>
#include <sys/types.h>

// The user and the group of --user.
struct identity {
    uid_t uid;
    gid_t gid;
    char *user; // the name of the user, for the supplementary groups
};

// Parses "USER", "USER:GROUP", "USER:" or ":GROUP". The default user is the current one, the
// default group is the user's. Fails unless the user is a member of the group and the caller is
// root. Free *ret with identity_done().
struct failure *identity_parse(const char *spec, struct identity *ret);
void identity_done(struct identity *identity);

// Becomes `identity` and keeps only the capability CAP_NET_BIND_SERVICE, even for root. The
// bounding set becomes the same, and programs started later cannot gain privileges (no_new_privs).
// After a failure the process must exit.
struct failure *privileges_become(const struct identity *identity);
// For a process that stays root: keeps only the capabilities for files and low ports. No effect for
// other users. After a failure the process must exit.
struct failure *privileges_trim(void);
