// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/clusters_private.h"

#include "basic/log.h"

#include <assert.h>

LOG_MODULE(cluster);

static void on_databases_changed(struct databases_observer *observer, struct db *old,
                                 struct db *new)
{
    struct clusters *clusters = CONTAINER_OF(observer, struct clusters, observer);
    struct clustered *clustered =
        old && !new ? clusters_find(clusters, db_schema(old)->name) : NULL;

    if (clustered && clustered->db == old) {
        clustered_free(clustered);
    }
}

struct clusters *clusters_new(sd_event *event, struct server *server, struct databases *databases,
                              struct net *net, struct group_commit *group_commit)
{
    struct clusters *clusters = NEW(struct clusters);
    const struct databases_cluster_functions functions = {clustered_add, clustered_convert,
                                                          clusters};

    clusters->event = event;
    clusters->server = server;
    clusters->databases = databases;
    clusters->clients_net = net;
    clusters->group_commit = group_commit;
    list_init(&clusters->all);
    clusters->observer.changed = on_databases_changed;
    databases_on_change(databases, &clusters->observer);
    databases_set_cluster_functions(databases, &functions);
    clusters_init_control(clusters, &clusters->control);
    return clusters;
}

const struct cluster_control *clusters_control(struct clusters *clusters)
{
    return &clusters->control;
}

void clusters_free(struct clusters *clusters)
{
    if (!clusters) {
        return;
    }
    while (!list_is_empty(&clusters->all)) {
        struct clustered *clustered = LIST_FIRST(&clusters->all, struct clustered, node);
        _cleanup_free_ char *name = xstrdup(clustered->name);

        databases_remove(clusters->databases, name, NULL, NULL);
    }
    databases_observer_remove(&clusters->observer);
    sd_event_source_disable_unref(clusters->hand_over_timer);
    free(clusters);
}

void clusters_start(struct clusters *clusters)
{
    struct clustered *clustered;

    assert(!clusters->is_started);
    clusters->is_started = true;
    LIST_FOREACH (clustered, &clusters->all, node) {
        clustered_start(clustered);
    }
}

bool clusters_run(struct clusters *clusters)
{
    struct clustered *clustered;
    bool more = false;

    LIST_FOREACH (clustered, &clusters->all, node) {
        if (clustered->is_started) {
            uint64_t now = clustered_now();

            clustered_report_conversion(clustered);
            member_flush(clustered->member, now);
            more = member_run(clustered->member, now) || more;
            more = snapshots_run(clustered) || more;
            clustered_set_timer(clustered);
        }
    }
    return more;
}

struct clustered *clusters_find(const struct clusters *clusters, const char *name)
{
    struct clustered *clustered;

    LIST_FOREACH (clustered, &clusters->all, node) {
        if (!strcmp(clustered->name, name)) {
            return clustered;
        }
    }
    return NULL;
}

struct clustered *clusters_next(const struct clusters *clusters, size_t *state)
{
    struct clustered *clustered;
    size_t i = 0;

    LIST_FOREACH (clustered, &clusters->all, node) {
        if (i++ == *state) {
            ++*state;
            return clustered;
        }
    }
    return NULL;
}

void clusters_compact_if_due(struct clusters *clusters)
{
    struct clustered *clustered;

    LIST_FOREACH (clustered, &clusters->all, node) {
        if (clustered->is_started && snapshots_is_due(clustered)) {
            clustered_compact(clustered, NULL, NULL);
        }
    }
}

// Leadership before a stop

static bool hands_over(const struct clusters *clusters)
{
    struct clustered *clustered;

    LIST_FOREACH (clustered, &clusters->all, node) {
        struct member_status status;

        member_status(clustered->member, clustered_now(), &status);
        if (status.state == MEMBER_HANDING_OVER) {
            return true;
        }
    }
    return false;
}

static void end_hand_over(struct clusters *clusters)
{
    void (*done)(void *) = clusters->handed_over;

    clusters->handed_over = NULL;
    done(clusters->handed_over_userdata);
}

void clusters_check_handed_over(struct clusters *clusters)
{
    if (clusters->handed_over && !hands_over(clusters)) {
        end_hand_over(clusters);
    }
}

static int on_hand_over_timeout(sd_event_source *timer, usec_t when, void *userdata)
{
    struct clusters *clusters = userdata;

    if (clusters->handed_over) {
        log_warn("no other member has taken over the leadership in time");
        end_hand_over(clusters);
    }
    return 0;
}

bool clusters_hand_over(struct clusters *clusters, usec_t timeout, void (*done)(void *userdata),
                        void *userdata)
{
    struct clustered *clustered;

    LIST_FOREACH (clustered, &clusters->all, node) {
        if (clustered->is_started) {
            member_transfer(clustered->member, clustered_now(), UUID_ZERO);
        }
    }
    if (!hands_over(clusters) || clusters->hand_over_timer ||
        sd_event_add_time(clusters->event, &clusters->hand_over_timer, CLOCK_MONOTONIC,
                          clock_monotonic() + timeout, USEC_PER_MSEC, on_hand_over_timeout,
                          clusters) < 0) {
        return false;
    }
    sd_event_source_set_description(clusters->hand_over_timer, "hand-over of leadership");
    clusters->handed_over = done;
    clusters->handed_over_userdata = userdata;
    return true;
}
