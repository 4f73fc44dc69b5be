// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/status_reply.h"

#include "control/reply.h"

#include <assert.h>
#include <string.h>

#define SHORT_ID 4 // digits of a server id or cluster id in the text

static const char *const state_names[] = {
    [CLUSTER_MEMBER] = "cluster member",
    [CLUSTER_JOINING] = "joining cluster",
    [CLUSTER_LEAVING] = "leaving cluster",
    [CLUSTER_LEFT] = "left cluster",
    [CLUSTER_FAILED] = "failed",
    [CLUSTER_DISCONNECTED] = "disconnected from the cluster (election timeout)",
};
static_assert(ARRAY_SIZE(state_names) == CLUSTER_N_STATES, "each state has a name");

static const char *const role_names[] = {
    [CLUSTER_FOLLOWER] = "follower",
    [CLUSTER_CANDIDATE] = "candidate",
    [CLUSTER_LEADER] = "leader",
};
static_assert(ARRAY_SIZE(role_names) == CLUSTER_N_ROLES, "each role has a name");

static const char *const reason_names[] = {
    [ELECTION_TIMEOUT] = "timeout",
    [ELECTION_TRANSFER] = "leadership_transfer",
};
static_assert(ARRAY_SIZE(reason_names) == ELECTION_N_REASONS, "each reason has a name");

const char *cluster_role_name(enum cluster_role role)
{
    assert(role < CLUSTER_N_ROLES);
    return role_names[role];
}

static const struct command_field change_fields[] = {
    {"action", FIELD_STRING}, // "add" or "remove"
    {"server_id", FIELD_STRING}, {"address", FIELD_STRING}, {"phase", FIELD_STRING}, {NULL},
};

static const struct command_field connection_fields[] = {
    {"server_id", FIELD_STRING, true},
    {"incoming", FIELD_BOOLEAN},
    {"connected", FIELD_BOOLEAN},
    {NULL},
};

static const struct command_field member_fields[] = {
    {"server_id", FIELD_STRING},
    {"address", FIELD_STRING},
    {"self", FIELD_BOOLEAN},
    {"next_index", FIELD_INTEGER, true},
    {"match_index", FIELD_INTEGER, true},
    {"lag", FIELD_INTEGER, true},
    {"last_message_ms", FIELD_INTEGER, true},
    {NULL},
};

const struct command_field cluster_status_fields[] = {
    {"name", FIELD_STRING},
    {"cluster_id", FIELD_STRING, true},
    {"server_id", FIELD_STRING},
    {"address", FIELD_STRING},
    {"status", FIELD_STRING},
    {"remotes_for_joining", FIELD_STRINGS},
    {"changes", FIELD_RECORDS, false, change_fields},
    {"role", FIELD_STRING},
    {"term", FIELD_INTEGER},
    {"leader", FIELD_STRING, true},
    {"vote", FIELD_STRING, true},
    {"election_started_ms", FIELD_INTEGER, true},
    {"election_reason", FIELD_STRING, true},
    {"election_won_ms", FIELD_INTEGER, true},
    {"election_timer_ms", FIELD_INTEGER},
    {"first_index", FIELD_INTEGER},
    {"last_index", FIELD_INTEGER},
    {"commit_index", FIELD_INTEGER},
    {"applied_index", FIELD_INTEGER},
    {"connections", FIELD_RECORDS, false, connection_fields},
    {"disconnections", FIELD_INTEGER},
    {"servers", FIELD_RECORDS, false, member_fields},
    {NULL},
};

static void set_integer(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_text(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, reply_text(value));
}

static void set_boolean(json_t *object, const char *name, bool value)
{
    json_object_set_new(object, name, json_boolean(value));
}

// No effect for UUID_ZERO.
static void set_id(json_t *object, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    if (!uuid_is_zero(id)) {
        json_object_set_new(object, name, json_string(uuid_text(id, text)));
    }
}

static json_t *remotes_reply(const struct cluster_status *status)
{
    json_t *remotes = json_array();

    for (size_t i = 0; i < status->n_remotes; i++) {
        json_array_append_new(remotes, reply_text(status->remotes[i]));
    }
    return remotes;
}

static json_t *changes_reply(const struct cluster_status *status)
{
    json_t *changes = json_array();

    for (size_t i = 0; i < status->n_changes; i++) {
        const struct cluster_change *change = &status->changes[i];
        json_t *reply = json_object();

        set_text(reply, "action", change->is_removal ? "remove" : "add");
        set_id(reply, "server_id", change->id);
        set_text(reply, "address", change->address);
        set_text(reply, "phase", change->phase);
        json_array_append_new(changes, reply);
    }
    return changes;
}

static json_t *connections_reply(const struct cluster_status *status)
{
    json_t *connections = json_array();

    for (size_t i = 0; i < status->n_connections; i++) {
        const struct cluster_connection *connection = &status->connections[i];
        json_t *reply = json_object();

        set_id(reply, "server_id", connection->id);
        set_boolean(reply, "incoming", connection->is_incoming);
        set_boolean(reply, "connected", connection->is_connected);
        json_array_append_new(connections, reply);
    }
    return connections;
}

static json_t *members_reply(const struct cluster_status *status)
{
    json_t *members = json_array();

    for (size_t i = 0; i < status->n_members; i++) {
        const struct cluster_member *member = &status->members[i];
        bool is_self = uuid_equals(member->id, status->server_id);
        json_t *reply = json_object();

        set_id(reply, "server_id", member->id);
        set_text(reply, "address", member->address);
        set_boolean(reply, "self", is_self);
        if (member->has_progress) {
            set_integer(reply, "next_index", member->next_index);
            set_integer(reply, "match_index", member->match_index);
            set_integer(reply, "lag", member->lag);
        }
        if (member->has_last_message && !is_self) {
            set_integer(reply, "last_message_ms", member->last_message_ms);
        }
        json_array_append_new(members, reply);
    }
    return members;
}

static void set_election(json_t *reply, const struct cluster_election *election)
{
    if (election->is_known) {
        assert(election->reason < ELECTION_N_REASONS);
        set_integer(reply, "election_started_ms", election->started_ms);
        set_text(reply, "election_reason", reason_names[election->reason]);
        if (election->is_won) {
            set_integer(reply, "election_won_ms", election->won_ms);
        }
    }
}

json_t *cluster_status_reply(const struct cluster_status *status)
{
    json_t *reply = json_object();

    assert(status->state < CLUSTER_N_STATES);
    assert(status->first_index && status->last_index >= status->first_index - 1);
    assert(status->applied_index <= status->commit_index);
    assert(status->commit_index <= status->last_index);
    set_text(reply, "name", status->name);
    set_id(reply, "cluster_id", status->cluster_id);
    set_id(reply, "server_id", status->server_id);
    set_text(reply, "address", status->address);
    set_text(reply, "status", state_names[status->state]);
    json_object_set_new(reply, "remotes_for_joining", remotes_reply(status));
    json_object_set_new(reply, "changes", changes_reply(status));
    set_text(reply, "role", cluster_role_name(status->role));
    set_integer(reply, "term", status->term);
    set_id(reply, "leader", status->leader);
    set_id(reply, "vote", status->vote);
    set_election(reply, &status->election);
    set_integer(reply, "election_timer_ms", status->election_timer);
    set_integer(reply, "first_index", status->first_index);
    set_integer(reply, "last_index", status->last_index);
    set_integer(reply, "commit_index", status->commit_index);
    set_integer(reply, "applied_index", status->applied_index);
    json_object_set_new(reply, "connections", connections_reply(status));
    set_integer(reply, "disconnections", status->n_disconnections);
    json_object_set_new(reply, "servers", members_reply(status));
    return reply;
}

// The first digits of an id; of a server whose id is not known, zeros.
static const char *short_id(const json_t *object, const char *name)
{
    const char *id = reply_optional_string(object, name);

    return id ? id : "0000";
}

static void print_ids(const json_t *reply, struct buf *text)
{
    const char *cluster = reply_optional_string(reply, "cluster_id");
    const char *server = reply_string(reply, "server_id");

    buf_printf(text, "%.*s\nName: %s\n", SHORT_ID, server, reply_string(reply, "name"));
    if (cluster) {
        buf_printf(text, "Cluster ID: %.*s (%s)\n", SHORT_ID, cluster, cluster);
    } else {
        buf_puts(text, "Cluster ID: not yet known\n");
    }
    buf_printf(text, "Server ID: %.*s (%s)\nAddress: %s\nStatus: %s\n", SHORT_ID, server, server,
               reply_string(reply, "address"), reply_string(reply, "status"));
}

static void print_changes(const json_t *reply, struct buf *text)
{
    const json_t *remotes = json_object_get(reply, "remotes_for_joining"), *item;
    size_t i;

    if (json_array_size(remotes)) {
        buf_puts(text, "Remotes for joining:");
        json_array_foreach(remotes, i, item)
        {
            buf_printf(text, " %s", json_string_value(item));
        }
        buf_putc(text, '\n');
    }
    json_array_foreach(json_object_get(reply, "changes"), i, item)
    {
        bool is_removal = !strcmp(reply_string(item, "action"), "remove");
        const char *id = reply_string(item, "server_id");

        buf_printf(text, "%s server %.*s (%.*s at %s) (%s)\n", is_removal ? "Removing" : "Adding",
                   SHORT_ID, id, SHORT_ID, id, reply_string(item, "address"),
                   reply_string(item, "phase"));
    }
}

// "Leader: self", "Leader: SSSS" or "Leader: unknown".
static void print_server(const json_t *reply, const char *title, const char *name, struct buf *text)
{
    const char *id = reply_optional_string(reply, name);

    if (!id) {
        buf_printf(text, "%s: unknown\n", title);
    } else if (!strcmp(id, reply_string(reply, "server_id"))) {
        buf_printf(text, "%s: self\n", title);
    } else {
        buf_printf(text, "%s: %.*s\n", title, SHORT_ID, id);
    }
}

static void print_election(const json_t *reply, struct buf *text)
{
    if (reply_optional_string(reply, "election_reason")) {
        buf_printf(text, "Last Election started %lld ms ago, reason: %s\n",
                   reply_integer(reply, "election_started_ms"),
                   reply_string(reply, "election_reason"));
    }
    if (json_object_get(reply, "election_won_ms")) {
        buf_printf(text, "Last Election won: %lld ms ago\n",
                   reply_integer(reply, "election_won_ms"));
    }
    buf_printf(text, "Election timer: %lld\n", reply_integer(reply, "election_timer_ms"));
}

static void print_log(const json_t *reply, struct buf *text)
{
    long long last = reply_integer(reply, "last_index");
    long long commit = reply_integer(reply, "commit_index");

    buf_printf(text,
               "Log: [%lld, %lld]\n"
               "Entries not yet committed: %lld\n"
               "Entries not yet applied: %lld\n",
               reply_integer(reply, "first_index"), last + 1, last - commit,
               commit - reply_integer(reply, "applied_index"));
}

static void print_connections(const json_t *reply, struct buf *text)
{
    const json_t *connection;
    size_t i;

    buf_puts(text, "Connections:");
    json_array_foreach(json_object_get(reply, "connections"), i, connection)
    {
        bool is_connected = json_is_true(json_object_get(connection, "connected"));
        bool is_incoming = json_is_true(json_object_get(connection, "incoming"));

        buf_printf(text, " %s%s%.*s%s", is_connected ? "" : "(", is_incoming ? "<-" : "->",
                   SHORT_ID, short_id(connection, "server_id"), is_connected ? "" : ")");
    }
    buf_printf(text, "\nDisconnections: %lld\n", reply_integer(reply, "disconnections"));
}

static void print_members(const json_t *reply, struct buf *text)
{
    const json_t *member;
    size_t i;

    buf_puts(text, "Servers:");
    json_array_foreach(json_object_get(reply, "servers"), i, member)
    {
        const char *id = reply_string(member, "server_id");

        buf_printf(text, "\n    %.*s (%.*s at %s)%s", SHORT_ID, id, SHORT_ID, id,
                   reply_string(member, "address"),
                   json_is_true(json_object_get(member, "self")) ? " (self)" : "");
        if (json_object_get(member, "next_index")) {
            buf_printf(text, " next_index=%lld match_index=%lld",
                       reply_integer(member, "next_index"), reply_integer(member, "match_index"));
        }
        if (json_object_get(member, "last_message_ms")) {
            buf_printf(text, " last msg %lld ms ago", reply_integer(member, "last_message_ms"));
        }
    }
}

void cluster_status_print(const json_t *reply, struct buf *text)
{
    print_ids(reply, text);
    print_changes(reply, text);
    buf_printf(text, "Role: %s\nTerm: %lld\n", reply_string(reply, "role"),
               reply_integer(reply, "term"));
    print_server(reply, "Leader", "leader", text);
    print_server(reply, "Vote", "vote", text);
    buf_putc(text, '\n');
    print_election(reply, text);
    print_log(reply, text);
    print_connections(reply, text);
    print_members(reply, text);
}
