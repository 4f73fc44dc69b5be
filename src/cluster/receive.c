// SPDX-License-Identifier: Apache-2.0
// The messages of other members, as events of libraft.
#include "cluster/consensus_private.h"

// Removes from an append what our snapshot contains, which is committed and therefore the same in
// the leader's log. libraft would reject the append, because it does not know the terms of these
// entries any more, and the leader would conclude that they differ.
static struct member_message append_after_snapshot(struct consensus *consensus,
                                                   const struct member_message *message)
{
    struct member_message snapshot = consensus->handler->snapshot(consensus->userdata);
    struct member_message result = *message;

    if (message->index < snapshot.index) {
        size_t n = snapshot.index - message->index;

        n = n < message->n_entries ? n : message->n_entries;
        result.index = snapshot.index;
        result.index_term = snapshot.index_term;
        result.entries += n;
        result.n_entries -= n;
    }
    return result;
}

static void step_append(struct consensus *consensus, struct raft_event *event,
                        const struct member_message *message)
{
    struct raft_append_entries *append = &event->receive.message->append_entries;

    append->version = RAFT_FORM_VERSION;
    append->term = message->term;
    append->prev_log_index = message->index;
    append->prev_log_term = message->index_term;
    append->leader_commit = message->commit_index;
    append->n_entries = (unsigned)message->n_entries;
    append->entries = raft_form_entries(message->entries, message->n_entries);
    for (size_t i = 0; i < message->n_entries; i++) {
        consensus_learn(consensus, &message->entries[i].servers);
    }
    consensus_step(consensus, event, message->entries, message->index + 1);
    raft_form_entries_free(append->entries, message->n_entries);
}

// The number of entries before the next one, but the first, that names the members.
static size_t count_before_change(const struct member_message *message)
{
    size_t n = 0;

    while (n < message->n_entries && (!n || !message->entries[n].servers.n)) {
        n++;
    }
    return n;
}

// libraft takes the index of the first new entry of a message for that of each configuration in it.
// It would count the configuration as committed when only entries before it are, and keep it when
// another leader replaces it. So each entry that names the members begins a message.
static void receive_append(struct consensus *consensus, struct raft_event *event,
                           const struct member_message *message)
{
    struct member_message rest = append_after_snapshot(consensus, message);

    do {
        struct member_message part = rest;

        part.n_entries = count_before_change(&rest);
        step_append(consensus, event, &part);
        if (part.n_entries) {
            rest.index += part.n_entries;
            rest.index_term = part.entries[part.n_entries - 1].term;
            rest.entries += part.n_entries;
            rest.n_entries -= part.n_entries;
        }
    } while (rest.n_entries && raft_last_index(&consensus->raft) >= rest.index);
}

static void receive_snapshot(struct consensus *consensus, struct raft_event *event,
                             const struct member_message *message)
{
    struct raft_install_snapshot *snapshot = &event->receive.message->install_snapshot;
    // While libraft installs a snapshot it neither takes nor frees the configuration of another.
    bool is_ignored = consensus->failure || (consensus->is_installing &&
                                             message->term >= raft_current_term(&consensus->raft));

    snapshot->version = RAFT_FORM_VERSION;
    snapshot->term = message->term;
    snapshot->last_index = message->index;
    snapshot->last_term = message->index_term;
    snapshot->conf_index = message->servers_index;
    consensus_learn(consensus, message->servers);
    raft_form_configuration(&snapshot->conf, message->servers);
    consensus_step(consensus, event, NULL, 0);
    if (is_ignored) {
        raft_configuration_close(&snapshot->conf);
    }
}

// True if this member is the leader or has heard of it within an election timeout.
static bool has_leader(struct raft *raft, uint64_t now)
{
    raft_id leader;
    const char *address;

    raft_leader(raft, &leader, &address);
    return raft_state(raft) == RAFT_LEADER ||
           (raft_state(raft) == RAFT_FOLLOWER && leader &&
            now < raft->election_timer_start + raft->election_timeout);
}

// Handles a request for the vote of a server whose log does not say yet, or no longer, that it is a
// member. It must vote: the candidate knows from its longer log that it is one, and may need it.
// libraft lets only members vote, so this server is one in libraft's configuration for the moment.
// libraft also refuses a vote while there is a leader, which members forget when they begin an
// election for lack of messages. This server begins none.
static void receive_vote_request(struct consensus *consensus, struct raft_event *event)
{
    struct raft *raft = &consensus->raft;
    const struct raft_request_vote *request = &event->receive.message->request_vote;

    if (!request->pre_vote && !request->disrupt_leader && has_leader(raft, event->time)) {
        // libraft would refuse the vote, but take the term, which ends the leadership. The
        // candidate may be a removed server whose pre-vote others like it have granted.
        return;
    }
    if (raft_role(raft) == RAFT_VOTER || raft_state(raft) != RAFT_FOLLOWER ||
        raft_configuration_add(&raft->configuration, raft->id, "self", RAFT_VOTER)) {
        consensus_step(consensus, event, NULL, 0);
        return;
    }
    if (event->time >= raft->election_timer_start + raft->election_timeout) {
        event->receive.message->request_vote.disrupt_leader = true;
    }
    consensus_step(consensus, event, NULL, 0);
    raft_free(raft->configuration.servers[--raft->configuration.n].address);
}

void consensus_receive(struct consensus *consensus, uint64_t now, struct uuid from,
                       const struct member_message *message)
{
    struct raft_message raft_message = {.server_id = from.hi};
    struct raft_event event = {.time = now, .type = RAFT_RECEIVE};
    const struct cluster_server *sender = servers_find(&consensus->known, from);

    event.receive.message = &raft_message;
    if (!sender) {
        if (!from.hi || !uuid_is_zero(consensus_id_of(consensus, from.hi))) {
            return; // libraft could not tell it from another server
        }
        // A member since an entry that this one does not have yet. Its address is in that entry.
        servers_add(&consensus->known, from, "unknown");
        sender = servers_find(&consensus->known, from);
    }
    raft_message.server_address = sender->address;
    switch (message->kind) {
    case MESSAGE_APPEND:
        raft_message.type = RAFT_APPEND_ENTRIES;
        receive_append(consensus, &event, message);
        return;
    case MESSAGE_SNAPSHOT:
        raft_message.type = RAFT_INSTALL_SNAPSHOT;
        receive_snapshot(consensus, &event, message);
        return;
    default:
        raft_message = raft_form_from_message(message, from, sender->address);
    }
    if (message->kind == MESSAGE_VOTE) {
        receive_vote_request(consensus, &event);
        return;
    }
    consensus_step(consensus, &event, NULL, 0);
}
