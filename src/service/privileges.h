// SPDX-License-Identifier: Apache-2.0
// Gives up privileges of the process, permanently. To be called before any thread is started.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// The user and the group of --user.
struct identity {
    uid_t uid;
    gid_t gid;
    char *user; // the name of the user, for the supplementary groups
};

// Parses "USER", "USER:GROUP", "USER:" or ":GROUP". The default user is the current one, the default
// group is the user's. The user must be a member of the group, and the caller must be root. Returns
// 0, or negative errno with the reason in *ret_error (caller frees). Free *ret with identity_done().
int identity_parse(const char *spec, struct identity *ret, char **ret_error);
void identity_done(struct identity *identity);

// Becomes `identity` and keeps only the capability CAP_NET_BIND_SERVICE, even for root. The bounding
// set becomes the same, and programs started later cannot gain privileges (no_new_privs). Returns 0,
// or negative errno with the reason in *ret_error (caller frees); then the process must exit.
int privileges_become(const struct identity *identity, char **ret_error);
// For a process that stays root: keeps only the capabilities for files and low ports. No effect for
// other users. Returns as privileges_become() does.
int privileges_trim(char **ret_error);
