// SPDX-License-Identifier: Apache-2.0
// A server built without libraft: clustered files are refused by the store, which says why.
#include "daemon/cluster/clusters.h"

#include <stddef.h>

struct clusters *clusters_new(sd_event *event, struct server *server, struct databases *databases,
                              struct net *net, struct group_commit *group_commit)
{
    return NULL;
}

void clusters_free(struct clusters *clusters)
{
}

void clusters_start(struct clusters *clusters)
{
}

bool clusters_run(struct clusters *clusters)
{
    return false;
}

bool clusters_hand_over(struct clusters *clusters, usec_t timeout, void (*done)(void *userdata),
                        void *userdata)
{
    return false;
}

const struct cluster_control *clusters_control(struct clusters *clusters)
{
    return NULL;
}

struct clustered *clusters_find(const struct clusters *clusters, const char *name)
{
    return NULL;
}

struct clustered *clusters_next(const struct clusters *clusters, size_t *state)
{
    return NULL;
}

void clustered_compact(struct clustered *clustered,
                       void (*done)(void *userdata, struct failure *failure), void *userdata)
{
}

void clusters_compact_if_due(struct clusters *clusters)
{
}
