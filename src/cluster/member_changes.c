// SPDX-License-Identifier: Apache-2.0
// Changes of the members: joining, leaving and removing.
#include "cluster/member_private.h"

#include "basic/log.h"

#include <errno.h>
#include <string.h>

LOG_MODULE(cluster);

static bool is_member(const struct member *member, struct uuid server)
{
    return servers_find(member_servers(member), server);
}

// True until the server is a member for the first time: its log does not name it.
bool member_wants_to_join(const struct member *member)
{
    const struct member_log *log = member_log(member);
    struct uuid id = log->header.server_id;
    bool is_named = servers_find(&log->header.prev_servers, id);

    for (size_t i = 0; i < log->n_entries && !is_named; i++) {
        is_named = servers_find(&log->entries[i].servers, id);
    }
    return !is_named && !member_is_over(member);
}

// The request to join or to leave is repeated until it has an effect. A leader that is to leave
// hands over first.
void member_ask(struct member *member)
{
    bool leaves = member->is_leaving && !member_is_over(member);
    const struct wire_message wire = {.kind = leaves ? WIRE_LEAVE : WIRE_JOIN};

    if (member->now >= member->ask_again && (leaves || member->is_joining)) {
        member->ask_again = member->now + member_timer(member_log(member));
        member->is_joining = member_wants_to_join(member);
        if (leaves && member->state == MEMBER_LEADING) {
            member_transfer(member, member->now, UUID_ZERO);
        }
        member->handler->send(member->userdata, UUID_ZERO, &wire);
    }
}

// True if the members up to the entry with this index have included this server, and no longer do.
bool member_is_removed_by(const struct member *member, const struct log_entry *entry)
{
    const struct member_log *log = member_log(member);
    struct uuid self = log->header.server_id;

    return entry->servers.n && !servers_find(&entry->servers, self) &&
           servers_find(member_log_servers_at(log, entry->index - 1), self);
}

// The cluster has removed this server.
void member_has_left(struct member *member)
{
    const struct file_record left = {.kind = FILE_RECORD_NOTE, .note = (char *)FILE_NOTE_LEFT};

    // If the disk is full, it tries again.
    if (member->handler->write_synced(member->userdata, &left, 1)) {
        log_info("this server is no member of the cluster any more");
        member_set_state(member, MEMBER_LEFT);
        member_changed(member);
    }
}

int member_kick(struct member *member, uint64_t now, struct uuid server)
{
    int r;

    member->now = now;
    if (!member_leads(member)) {
        const struct wire_message wire = {.kind = WIRE_LEAVE, .leaving = server};
        struct uuid leader = member->status.leader;

        return !uuid_is_zero(leader) && !member_is_over(member) &&
                       member->handler->send(member->userdata, leader, &wire)
                   ? 0
                   : -ENOTCONN;
    }
    member_flush(member, now);
    r = consensus_remove_server(member->consensus, now, server);
    member_check(member);
    return r;
}

void member_leave(struct member *member, uint64_t now)
{
    member->now = now;
    member->is_leaving = true;
    member->ask_again = now;
    member_ask(member);
}

// Answers a server that asks to join: by the snapshot, or with the address of the leader.
void member_add_server(struct member *member, uint64_t now, struct uuid id, const char *address)
{
    const struct cluster_server *leader =
        servers_find(member_servers(member), member->status.leader);
    struct wire_message answer = {.kind = WIRE_JOIN_RESULT};
    int r = -ENOTCONN;

    member->now = now;
    if (member_leads(member)) {
        r = is_member(member, id) ? 0 : consensus_add_server(member->consensus, now, id, address);
        answer.join_result.reason = r == -EBUSY    ? "the members are being changed"
                                    : r == -EEXIST ? "another member has this address or id"
                                                   : NULL;
    } else if (leader) {
        answer.join_result.leader = leader->address;
    } else {
        answer.join_result.reason = "the leader is not known";
    }
    answer.join_result.is_accepted = !r || r == -EALREADY;
    member->handler->send(member->userdata, id, &answer);
    member_check(member);
}

void member_ask_to_join(struct member *member, uint64_t now, struct uuid cluster_id)
{
    if (uuid_is_zero(member->cluster_id)) {
        member->cluster_id = cluster_id;
    }
    if (member->is_joining) {
        member->now = now;
        member->ask_again = now;
        member_ask(member);
    }
}

static void refuse(struct member *member, struct uuid to)
{
    const struct wire_message answer = {.kind = WIRE_JOIN_RESULT,
                                        .join_result = {.reason = WIRE_NO_MEMBER}};

    member->handler->send(member->userdata, to, &answer);
}

// Only the leader knows who is a member: the log of another server may lack the entry that has
// added the sender, and an entry that removes it counts when it is committed.
void member_receive_leave(struct member *member, struct uuid from, struct uuid server)
{
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (member->state != MEMBER_LEADING) {
        return;
    }
    if (uuid_is_zero(server)) {
        server = from;
    }
    if (consensus_remove_server(member->consensus, member->now, server) == -ENOENT &&
        uuid_equals(server, from) && state.change.phase == CONSENSUS_CHANGE_NONE) {
        refuse(member, from);
    }
}

// A server that was removed gets no entries any more, also not the one that says so. It asks for
// votes in vain. The candidate's term shows that no later leader has made it a member.
void member_refuse_if_removed(struct member *member, struct uuid from,
                              const struct member_message *message)
{
    struct consensus_state state;

    consensus_state(member->consensus, &state);
    if (message->kind == MESSAGE_VOTE && member_leads(member) && !is_member(member, from) &&
        message->term <= state.term + 1 && state.change.phase == CONSENSUS_CHANGE_NONE) {
        refuse(member, from);
    }
}

// The answer to the request to join or to leave, or to a request for a vote.
void member_receive_result(struct member *member, const struct wire_join_result *result)
{
    if (!result->is_accepted && result->reason && !strcmp(result->reason, WIRE_NO_MEMBER) &&
        member->state == MEMBER_FOLLOWING &&
        (member->is_leaving || !member_wants_to_join(member))) {
        member_has_left(member);
    }
}
