// SPDX-License-Identifier: Apache-2.0
// What the process may do beyond its files: given up for good, before any thread is started.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// Who --user names.
struct identity {
    uid_t uid;
    gid_t gid;
    char *user; // its name, for the supplementary groups
};

// Parses "USER", "USER:GROUP", "USER:" or ":GROUP". Without a user it is the current one, without a
// group the user's own; the user must be a member of the group. Only root may ask. 0 or negative
// errno, with the reason in *ret_error (caller frees). Free with identity_done().
int identity_parse(const char *spec, struct identity *ret, char **ret_error);
void identity_done(struct identity *identity);

// Becomes `identity` and keeps CAP_NET_BIND_SERVICE only, even if it is root; the bounding set
// shrinks to the same, and no program started later can gain anything (no_new_privs). 0 or negative
// errno, with the reason in *ret_error (caller frees); then the process must not go on.
int privileges_become(const struct identity *identity, char **ret_error);
// For root that stays root: keeps only the capabilities that concern files and low ports. Nothing
// for other users. As privileges_become() else.
int privileges_trim(char **ret_error);
