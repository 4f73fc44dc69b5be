// SPDX-License-Identifier: Apache-2.0
#include "cluster/raft_forms.h"

#include "basic/alloc.h"

static_assert(sizeof(raft_id) == sizeof(uint64_t), "a raft_id holds the first half of a UUID");

// Of RequestVote and its result, whose fields libraft 0.22 has in version 2.
enum { VERSION_VOTE = 2 };

void raft_form_configuration(struct raft_configuration *ret, const struct servers *servers)
{
    raft_configuration_init(ret);
    for (size_t i = 0; i < servers->n; i++) {
        int error = raft_configuration_add(ret, servers->list[i].id.hi, servers->list[i].address,
                                           RAFT_VOTER);

        assert(!error); // servers_decode() refuses ids that share a half
    }
}

void raft_form_copy(struct raft_configuration *ret, const struct raft_configuration *from)
{
    raft_configuration_init(ret);
    for (unsigned i = 0; i < from->n; i++) {
        const struct raft_server *server = &from->servers[i];
        int error = raft_configuration_add(ret, server->id, server->address, server->role);

        assert(!error);
    }
}

struct raft_snapshot_metadata raft_form_metadata(const struct member_message *snapshot)
{
    struct raft_snapshot_metadata metadata = {
        .index = snapshot->index,
        .term = snapshot->index_term,
        .configuration_index = snapshot->servers_index,
    };

    raft_form_configuration(&metadata.configuration, snapshot->servers);
    return metadata;
}

struct raft_entry raft_form_change(uint64_t term, const struct raft_configuration *configuration)
{
    struct raft_entry result = {.term = term, .type = RAFT_CHANGE};
    int error = raft_configuration_encode(configuration, &result.buf);

    assert(!error);
    return result;
}

struct raft_entry raft_form_entry(const struct log_entry *entry)
{
    struct raft_entry result = {.term = entry->term, .type = RAFT_COMMAND};

    if (entry->servers.n) {
        struct raft_configuration configuration;

        raft_form_configuration(&configuration, &entry->servers);
        result = raft_form_change(entry->term, &configuration);
        raft_configuration_close(&configuration);
    } else if (!entry->data.size && !entry->election_timer) {
        result.type = RAFT_BARRIER;
    }
    return result;
}

void raft_form_entries_free(struct raft_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        raft_free(entries[i].buf.base);
    }
    free(entries);
}

struct raft_entry *raft_form_entries(const struct log_entry *entries, size_t n)
{
    struct raft_entry *result = n ? xcalloc(n, sizeof(*result)) : NULL;

    for (size_t i = 0; i < n; i++) {
        result[i] = raft_form_entry(&entries[i]);
    }
    return result;
}

struct member_message raft_form_to_message(const struct raft_message *from)
{
    struct member_message result = {0};

    switch (from->type) {
    case RAFT_APPEND_ENTRIES_RESULT:
        result.kind = MESSAGE_APPEND_RESULT;
        result.term = from->append_entries_result.term;
        result.rejected = from->append_entries_result.rejected;
        result.index = from->append_entries_result.last_log_index;
        result.features = from->append_entries_result.features;
        break;
    case RAFT_REQUEST_VOTE:
        result.kind = MESSAGE_VOTE;
        result.term = from->request_vote.term;
        result.index = from->request_vote.last_log_index;
        result.index_term = from->request_vote.last_log_term;
        result.is_transfer = from->request_vote.disrupt_leader;
        result.is_pre_vote = from->request_vote.pre_vote;
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        result.kind = MESSAGE_VOTE_RESULT;
        result.term = from->request_vote_result.term;
        result.is_vote_granted = from->request_vote_result.vote_granted;
        result.is_pre_vote = from->request_vote_result.pre_vote;
        result.features = from->request_vote_result.features;
        break;
    case RAFT_TIMEOUT_NOW:
        result.kind = MESSAGE_TAKE_LEADERSHIP;
        result.term = from->timeout_now.term;
        result.index = from->timeout_now.last_log_index;
        result.index_term = from->timeout_now.last_log_term;
        break;
    default:
        assert(false);
    }
    return result;
}

struct raft_message raft_form_from_message(const struct member_message *message, struct uuid from,
                                           const char *address)
{
    struct raft_message result = {.server_id = from.hi, .server_address = address};

    switch (message->kind) {
    case MESSAGE_APPEND_RESULT:
        result.type = RAFT_APPEND_ENTRIES_RESULT;
        result.append_entries_result =
            (struct raft_append_entries_result){.version = RAFT_FORM_VERSION,
                                                .term = message->term,
                                                .rejected = message->rejected,
                                                .last_log_index = message->index,
                                                .features = message->features};
        break;
    case MESSAGE_VOTE:
        result.type = RAFT_REQUEST_VOTE;
        result.request_vote = (struct raft_request_vote){.version = VERSION_VOTE,
                                                         .term = message->term,
                                                         .candidate_id = from.hi,
                                                         .last_log_index = message->index,
                                                         .last_log_term = message->index_term,
                                                         .disrupt_leader = message->is_transfer,
                                                         .pre_vote = message->is_pre_vote};
        break;
    case MESSAGE_VOTE_RESULT:
        result.type = RAFT_REQUEST_VOTE_RESULT;
        result.request_vote_result =
            (struct raft_request_vote_result){.version = VERSION_VOTE,
                                              .term = message->term,
                                              .vote_granted = message->is_vote_granted,
                                              .pre_vote = message->is_pre_vote,
                                              .features = message->features};
        break;
    case MESSAGE_TAKE_LEADERSHIP:
        result.type = RAFT_TIMEOUT_NOW;
        result.timeout_now = (struct raft_timeout_now){.version = RAFT_FORM_VERSION,
                                                       .term = message->term,
                                                       .last_log_index = message->index,
                                                       .last_log_term = message->index_term};
        break;
    default:
        assert(false);
    }
    return result;
}
