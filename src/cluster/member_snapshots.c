// SPDX-License-Identifier: Apache-2.0
// Snapshots travel in parts (snapshot_parts.h).
#include "cluster/member_private.h"

#include "basic/alloc.h"
#include "basic/log.h"

LOG_MODULE(cluster);

// A snapshot that is being sent in parts.
struct sending {
    struct list node; // member->sendings
    struct uuid to;
    struct snapshot_cutter cutter;
};

static void sending_free(struct sending *sending)
{
    list_remove(&sending->node);
    free(sending);
}

// The contents that are being sent exist no longer. The consensus sends the snapshot again.
void member_end_sendings(struct member *member)
{
    while (!list_is_empty(&member->sendings)) {
        sending_free(LIST_FIRST(&member->sendings, struct sending, node));
    }
}

static struct sending *find_sending(const struct member *member, struct uuid to)
{
    struct sending *sending;

    LIST_FOREACH (sending, &member->sendings, node) {
        if (uuid_equals(sending->to, to)) {
            return sending;
        }
    }
    return NULL;
}

// Sends parts as long as the connection has little to send.
static void send_parts(struct member *member, struct sending *sending)
{
    struct wire_message wire = {.kind = WIRE_SNAPSHOT_PART};
    struct uuid to = sending->to;
    bool is_sent = true;

    while (is_sent &&
           snapshot_cutter_next(&sending->cutter, member->handler->backlog(member->userdata, to),
                                &wire.part)) {
        is_sent = member->handler->send(member->userdata, to, &wire);
        if (is_sent) {
            snapshot_cutter_advance(&sending->cutter, &wire.part);
        }
    }
    if (!is_sent || snapshot_cutter_is_done(&sending->cutter)) {
        sending_free(sending);
    }
}

void member_send_snapshot(struct member *member, struct uuid to,
                          const struct member_message *message)
{
    const struct file_header *header = &member_log(member)->header;
    struct wire_message wire = {.kind = WIRE_SNAPSHOT};
    struct sending *sending = find_sending(member, to);

    wire.snapshot = (struct wire_snapshot){
        .message = *message,
        .election_timer = header->prev_election_timer,
        .eid = header->prev_eid,
        .size = header->prev_data.size,
    };
    if (sending) {
        sending_free(sending);
    }
    if (member->handler->send(member->userdata, to, &wire)) {
        member->status.n_snapshots_sent++;
        sending = NEW(struct sending);
        sending->to = to;
        snapshot_cutter_init(&sending->cutter, message->index, header->prev_data);
        list_push_back(&member->sendings, &sending->node);
        send_parts(member, sending);
    }
}

void member_drained(struct member *member, struct uuid server)
{
    struct sending *sending = find_sending(member, server);

    if (sending) {
        send_parts(member, sending);
    }
}

struct member_message member_snapshot(void *userdata)
{
    const struct file_header *header = &member_log(userdata)->header;

    return (struct member_message){
        .kind = MESSAGE_SNAPSHOT,
        .index = header->prev_index,
        .index_term = header->prev_term,
        .servers = &header->prev_servers,
        .servers_index = header->prev_index,
    };
}

// The received contents replace the log.
void member_install(void *userdata, const struct member_message *snapshot)
{
    struct member *member = userdata;
    const struct member_log *log = member_log(member);
    struct consensus_state state;
    struct file_header header = {
        .server_id = log->header.server_id,
        .cluster_id = member->cluster_id,
        .local_address = xstrdup(log->header.local_address),
        .name = xstrdup(log->header.name),
        .prev_term = snapshot->index_term,
        .prev_index = snapshot->index,
        .prev_election_timer = member->incoming.election_timer,
        .prev_data = buf_slice(&member->assembly.contents),
        .prev_eid = member->incoming.eid,
    };

    assert(member->incoming.message.index == snapshot->index);
    member_end_sendings(member);
    consensus_state(member->consensus, &state);
    header.prev_servers = servers_copy(snapshot->servers);
    if (member->handler->install(member->userdata, &header, state.term, state.vote)) {
        member->has_installed = true;
        member->status.n_snapshots_installed++;
    } else {
        member->is_install_failed = true;
    }
}

// The database after a snapshot was installed.
void member_finish_install(struct member *member)
{
    struct member_message snapshot = member_snapshot(member);
    const struct file_header *header = &member_log(member)->header;
    struct entry_data data;
    struct ovsdb_error *error = entry_data_decode(header->prev_data, &data);

    member->has_installed = false;
    if (!error) {
        error = member_replace(member, &data, header->prev_eid);
    }
    if (error) {
        member_fail_apply(member, snapshot.index, error);
        return;
    }
    member->applied_index = snapshot.index;
    member->commit_index = snapshot.index;
    member->recorded_commit_index = snapshot.index;
    if (header->prev_election_timer) {
        consensus_set_election_timeout(member->consensus, (unsigned)header->prev_election_timer);
    }
    if (member->state == MEMBER_JOINING) {
        member_set_state(member, MEMBER_FOLLOWING);
    }
    consensus_installed(member->consensus, member->now, &snapshot);
}

void member_receive_snapshot(struct member *member, const struct wire_snapshot *snapshot)
{
    if (uuid_is_zero(member->cluster_id)) {
        return; // the sender is to say first which cluster it is of
    }
    servers_done(&member->incoming_servers);
    member->incoming_servers = servers_copy(snapshot->message.servers);
    member->incoming = *snapshot;
    member->incoming.message.servers = &member->incoming_servers;
    snapshot_assembly_begin(&member->assembly, snapshot);
}

void member_receive_part(struct member *member, struct uuid from, const struct wire_part *part)
{
    enum snapshot_progress progress;
    struct ovsdb_error *error = snapshot_assembly_add(&member->assembly, part, &progress);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_warn("a snapshot cannot be used: %s", text);
        error_free(error);
    } else if (progress == SNAPSHOT_COMPLETE) {
        if (!member->restart_at) {
            consensus_receive(member->consensus, member->now, from, &member->incoming.message);
            member_check(member);
        }
        snapshot_assembly_done(&member->assembly);
    }
}
