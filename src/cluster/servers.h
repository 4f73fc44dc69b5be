// SPDX-License-Identifier: Apache-2.0
// The members of a cluster: server ids and addresses. In JSON: {"SERVER-ID":"ADDRESS",...}.
#pragma once

#include "basic/uuid.h"
#include "model/error.h"

struct cluster_server {
    struct uuid id;
    char *address; // not empty
};

struct servers {
    struct cluster_server *list; // sorted by id, each id once
    size_t n;
};

// `json` is a valid JSON value (I-1). Errors are: no members, and two ids with the same first
// half, because the consensus identifies servers by that half.
struct ovsdb_error *servers_decode(struct slice json, struct servers *ret);
void servers_put(struct buf *buf, const struct servers *servers);
// Adds a member, or changes its address.
void servers_add(struct servers *servers, struct uuid id, const char *address);
// NULL if there is no such member. Valid until the set changes.
const struct cluster_server *servers_find(const struct servers *servers, struct uuid id);
// A copy, to be released with servers_done().
struct servers servers_copy(const struct servers *servers);
bool servers_equal(const struct servers *a, const struct servers *b);
void servers_done(struct servers *servers);
