// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/commands.h"

#include "basic/str.h"
#include "daemon/cluster/control.h"
#include "daemon/cluster/status_reply.h"

#include <assert.h>
#include <string.h>

#define MIN_PREFIX         4 // digits of a server id
#define MIN_ELECTION_TIMER 100
#define MAX_ELECTION_TIMER 600000
#define MIN_BACKLOG        50 // messages

static bool find_status(const struct parts *parts, const char *db, struct cluster_status *ret)
{
    const struct cluster_control *clusters = parts->cluster_control;

    return clusters && clusters->status(clusters->userdata, db, ret);
}

// Finds the clustered database argv[1]. False: an error was replied.
static bool find_cluster(const struct parts *parts, struct command_call *call, char **argv,
                         struct cluster_status *ret)
{
    if (!find_status(parts, argv[1], ret)) {
        bool exists = server_find_db(parts->server, slice_of(argv[1]));
        _cleanup_free_ char *error =
            exists ? xasprintf("unknown cluster: database %s is not clustered", argv[1])
                   : xasprintf("unknown cluster: no database named %s", argv[1]);

        command_reply_error(call, error);
        return false;
    }
    return true;
}

static void on_cid(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct cluster_status status;
    char id[UUID_TEXT_SIZE];

    if (!find_cluster(userdata, call, argv, &status)) {
        return;
    }
    if (uuid_is_zero(status.cluster_id)) {
        command_reply_error(call, "cluster id not yet known");
        return;
    }
    command_reply(call, uuid_text(status.cluster_id, id));
}

static void on_sid(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct cluster_status status;
    char id[UUID_TEXT_SIZE];

    if (find_cluster(userdata, call, argv, &status)) {
        command_reply(call, uuid_text(status.server_id, id));
    }
}

static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct cluster_status status;

    if (find_cluster(userdata, call, argv, &status)) {
        command_reply_value(call, cluster_status_reply(&status), cluster_status_print);
    }
}

static void on_leave(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct parts *parts = userdata;
    const struct cluster_control *clusters = parts->cluster_control;
    struct cluster_status status;

    if (!find_cluster(parts, call, argv, &status)) {
        return;
    }
    if (status.state == CLUSTER_JOINING) {
        command_reply_error(call, "can't leave while join in progress");
    } else if (status.state == CLUSTER_LEFT) {
        command_reply_error(call, "this server has left the cluster already");
    } else {
        command_reply_failure(call, clusters->leave(clusters->userdata, argv[1]));
    }
}

// True if `text` is the address or the id of a server, or at least MIN_PREFIX digits of the id.
static bool is_server(struct uuid id, const char *address, const char *text)
{
    size_t size = strlen(text);
    char id_text[UUID_TEXT_SIZE];

    return !strcmp(text, address) ||
           (size >= MIN_PREFIX && !strncasecmp(uuid_text(id, id_text), text, size));
}

// Counts in *n the different servers that were found; the last one is in *ret.
static void found_server(struct uuid id, size_t *n, struct uuid *ret)
{
    *n += !*n || !uuid_equals(*ret, id);
    *ret = id;
}

// Finds the server to be removed: a member, or one that is being added.
static struct failure *find_server(const struct cluster_status *status, const char *text,
                                   struct uuid *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < status->n_members; i++) {
        if (is_server(status->members[i].id, status->members[i].address, text)) {
            found_server(status->members[i].id, &n, ret);
        }
    }
    for (size_t i = 0; i < status->n_changes; i++) {
        const struct cluster_change *change = &status->changes[i];

        if (!change->is_removal && is_server(change->id, change->address, text)) {
            found_server(change->id, &n, ret);
        }
    }
    if (n > 1) {
        return failure_new(FAILURE_INVALID, "\"%s\" is the beginning of the ids of %zu servers",
                           text, n);
    }
    return n ? NULL
             : failure_new(FAILURE_MISSING,
                           "unknown server: no server has the address \"%s\", or an id that "
                           "begins with it (at least %d digits)",
                           text, MIN_PREFIX);
}

static void on_kick(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct parts *parts = userdata;
    const struct cluster_control *clusters = parts->cluster_control;
    struct cluster_status status;
    struct failure *failure;
    struct uuid server;
    bool is_leader;

    if (!find_cluster(parts, call, argv, &status)) {
        return;
    }
    is_leader = status.role == CLUSTER_LEADER;
    failure = find_server(&status, argv[2], &server);
    if (!failure) {
        failure = clusters->kick(clusters->userdata, argv[1], server);
    }
    if (failure) {
        command_reply_failure(call, failure);
    } else {
        command_reply(call, is_leader ? "started removal" : "sent removal request to leader");
    }
}

// Returns what is wrong with a new value of the election timer, or NULL.
static const char *check_election_timer(const struct cluster_status *status, const char *text,
                                        uint64_t *ret)
{
    if (status->role != CLUSTER_LEADER) {
        return "election timer must be changed through leader.";
    }
    if (!str_parse_number(text, MAX_ELECTION_TIMER, ret) || *ret < MIN_ELECTION_TIMER) {
        return "election timer must be between 100 and 600000, in msec.";
    }
    if (*ret > status->election_timer * 2) {
        return "election timer increase should not exceed the current value x 2.";
    }
    if (*ret * 2 < status->election_timer) {
        return "election timer decrease should not exceed the current value / 2.";
    }
    return NULL;
}

static void on_change_election_timer(struct command_call *call, int argc, char **argv,
                                     void *userdata)
{
    const struct parts *parts = userdata;
    const struct cluster_control *clusters = parts->cluster_control;
    struct cluster_status status;
    struct failure *failure;
    const char *error;
    uint64_t ms;

    if (!find_cluster(parts, call, argv, &status)) {
        return;
    }
    error = check_election_timer(&status, argv[2], &ms);
    if (error) {
        command_reply_error(call, error);
        return;
    }
    failure = clusters->change_election_timer(clusters->userdata, argv[1], ms);
    if (failure) {
        command_reply_failure(call, failure);
    } else {
        command_reply(call, "change of election timer initiated.");
    }
}

static void on_set_backlog_threshold(struct command_call *call, int argc, char **argv,
                                     void *userdata)
{
    const struct parts *parts = userdata;
    const struct cluster_control *clusters = parts->cluster_control;
    uint64_t n_messages, n_bytes;
    struct cluster_status status;

    if (!find_cluster(parts, call, argv, &status)) {
        return;
    }
    if (!str_parse_number(argv[2], INT64_MAX, &n_messages) ||
        !str_parse_number(argv[3], INT64_MAX, &n_bytes)) {
        command_reply_error(call, "invalid argument");
    } else if (n_messages < MIN_BACKLOG) {
        command_reply_error(call, "values out of range: at least 50 messages");
    } else {
        clusters->set_backlog_threshold(clusters->userdata, argv[1], n_messages, n_bytes);
        command_reply(call, "");
    }
}

static void on_failure_test(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct parts *parts = userdata;
    const struct cluster_control *clusters = parts->cluster_control;

    if (clusters && clusters->set_failure(clusters->userdata, argv[1])) {
        command_reply(call, "");
    } else {
        command_reply_error(call, "unknown test scenario");
    }
}

static const struct command commands[] = {
    {"cluster/cid", "DB", 1, 1, on_cid, .method = "GetClusterId",
     .args = {{"database", ARG_STRING}}, .result = COMMAND_STRING("cluster_id"), .reads = true},
    {"cluster/sid", "DB", 1, 1, on_sid, .method = "GetClusterServerId",
     .args = {{"database", ARG_STRING}}, .result = COMMAND_STRING("server_id"), .reads = true},
    {"cluster/status", "DB", 1, 1, on_status, .method = "GetClusterStatus",
     .args = {{"database", ARG_STRING}}, .result = cluster_status_fields, .reads = true},
    {"cluster/leave", "DB", 1, 1, on_leave, .method = "LeaveCluster",
     .args = {{"database", ARG_STRING}}},
    {"cluster/kick", "DB SERVER", 2, 2, on_kick, .method = "KickClusterServer",
     .args = {{"database", ARG_STRING}, {"server", ARG_STRING}},
     .result = COMMAND_STRING("message")},
    {"cluster/change-election-timer", "DB MS", 2, 2, on_change_election_timer,
     .method = "ChangeElectionTimer",
     .args = {{"database", ARG_STRING}, {"milliseconds", ARG_INTEGER}},
     .result = COMMAND_STRING("message")},
    {"cluster/set-backlog-threshold", "DB MSGS BYTES", 3, 3, on_set_backlog_threshold,
     .method = "SetClusterBacklogThreshold",
     .args = {{"database", ARG_STRING}, {"messages", ARG_INTEGER}, {"bytes", ARG_INTEGER}}},
    {"cluster/failure-test", "SCENARIO", 1, 1, on_failure_test, .method = "TestClusterFailure",
     .args = {{"scenario", ARG_STRING}}},
    {NULL},
};

void cluster_commands_register(struct command_registry *registry, struct parts *parts)
{
    command_register(registry, commands, parts);
}
