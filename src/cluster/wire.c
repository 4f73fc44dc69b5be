// SPDX-License-Identifier: Apache-2.0
// Writes the messages. wire_decode.c reads them.
#include "cluster/wire.h"

#include "cluster/fields.h"
#include "json/emit.h"
#include "json/message.h"

static const char *const kind_names[] = {
    [WIRE_HELLO] = "hello",
    [WIRE_REFUSED] = "refused",
    [WIRE_RAFT] = "raft",
    [WIRE_SNAPSHOT] = "snapshot",
    [WIRE_SNAPSHOT_PART] = "snapshot_part",
    [WIRE_JOIN] = "join",
    [WIRE_JOIN_RESULT] = "join_result",
    [WIRE_LEAVE] = "leave",
    [WIRE_REQUEST] = "request",
    [WIRE_CANCEL] = "cancel",
    [WIRE_REPLY] = "reply",
    [WIRE_NOTIFICATION] = "notification",
    [WIRE_CLIENT_GONE] = "client_gone",
};

static const char *const raft_kind_names[] = {
    [MESSAGE_APPEND] = "append",     [MESSAGE_APPEND_RESULT] = "append_result",
    [MESSAGE_VOTE] = "vote",         [MESSAGE_VOTE_RESULT] = "vote_result",
    [MESSAGE_SNAPSHOT] = "snapshot", [MESSAGE_TAKE_LEADERSHIP] = "take_leadership",
};

static_assert(ARRAY_SIZE(kind_names) == WIRE_N_KINDS, "every kind has a name");
static_assert(ARRAY_SIZE(raft_kind_names) == MESSAGE_N_KINDS, "every kind has a name");

const char *wire_kind_name(enum wire_kind kind)
{
    assert(kind < WIRE_N_KINDS);
    return kind_names[kind];
}

const char *wire_raft_kind_name(enum message_kind kind)
{
    assert(kind < MESSAGE_N_KINDS);
    return raft_kind_names[kind];
}

static void put_optional_string(struct buf *buf, enum field field, const char *text)
{
    if (text) {
        assert(*text);
        field_put_string(buf, field, text);
    }
}

static void put_hello(struct buf *buf, const struct wire_hello *hello)
{
    field_put_string(buf, FIELD_ADDRESS, hello->address);
    if (!uuid_is_zero(hello->cluster_id)) {
        field_put_uuid(buf, FIELD_CLUSTER_ID, hello->cluster_id);
    }
    field_put_string(buf, FIELD_NAME, hello->name);
    field_put_uuid(buf, FIELD_SERVER_ID, hello->server_id);
    field_put_uint64(buf, FIELD_VERSION, hello->version);
}

static void put_vote(struct buf *buf, const struct member_message *message)
{
    field_put_uint64(buf, FIELD_INDEX, message->index);
    field_put_uint64(buf, FIELD_INDEX_TERM, message->index_term);
    field_put_boolean(buf, FIELD_PRE_VOTE, message->is_pre_vote);
    field_put_boolean(buf, FIELD_TRANSFER, message->is_transfer);
}

// The members of the object; the entries come after it.
static void put_raft(struct buf *buf, const struct member_message *message)
{
    field_put_string(buf, FIELD_KIND, wire_raft_kind_name(message->kind));
    field_put_uint64(buf, FIELD_TERM, message->term);
    switch (message->kind) {
    case MESSAGE_APPEND:
        field_put_uint64(buf, FIELD_COMMIT_INDEX, message->commit_index);
        field_put_uint64(buf, FIELD_INDEX, message->index);
        field_put_uint64(buf, FIELD_INDEX_TERM, message->index_term);
        break;
    case MESSAGE_APPEND_RESULT:
        field_put_uint64(buf, FIELD_FEATURES, message->features);
        field_put_uint64(buf, FIELD_INDEX, message->index);
        field_put_uint64(buf, FIELD_REJECTED, message->rejected);
        break;
    case MESSAGE_VOTE:
        put_vote(buf, message);
        break;
    case MESSAGE_VOTE_RESULT:
        field_put_uint64(buf, FIELD_FEATURES, message->features);
        field_put_boolean(buf, FIELD_GRANTED, message->is_vote_granted);
        field_put_boolean(buf, FIELD_PRE_VOTE, message->is_pre_vote);
        break;
    case MESSAGE_TAKE_LEADERSHIP:
        field_put_uint64(buf, FIELD_INDEX, message->index);
        field_put_uint64(buf, FIELD_INDEX_TERM, message->index_term);
        break;
    default:
        assert(false); // a snapshot is WIRE_SNAPSHOT
    }
}

static void put_snapshot(struct buf *buf, const struct wire_snapshot *snapshot)
{
    const struct member_message *message = &snapshot->message;

    assert(message->kind == MESSAGE_SNAPSHOT && message->servers->n);
    if (!uuid_is_zero(snapshot->eid)) {
        field_put_uuid(buf, FIELD_EID, snapshot->eid);
    }
    if (snapshot->election_timer) {
        field_put_uint64(buf, FIELD_ELECTION_TIMER, snapshot->election_timer);
    }
    field_put_uint64(buf, FIELD_INDEX, message->index);
    field_put_uint64(buf, FIELD_INDEX_TERM, message->index_term);
    field_put_name(buf, FIELD_SERVERS);
    servers_put(buf, message->servers);
    field_put_uint64(buf, FIELD_SERVERS_INDEX, message->servers_index);
    field_put_uint64(buf, FIELD_SIZE, snapshot->size);
    field_put_uint64(buf, FIELD_TERM, message->term);
}

static void put_part(struct buf *buf, const struct wire_part *part)
{
    field_put_name(buf, FIELD_DATA);
    emit_string(buf, part->data);
    field_put_uint64(buf, FIELD_INDEX, part->index);
    field_put_uint64(buf, FIELD_OFFSET, part->offset);
}

static void put_join_result(struct buf *buf, const struct wire_join_result *result)
{
    field_put_boolean(buf, FIELD_ACCEPTED, result->is_accepted);
    put_optional_string(buf, FIELD_LEADER, result->leader);
    put_optional_string(buf, FIELD_REASON, result->reason);
}

static void put_client(struct buf *buf, enum wire_kind kind, const struct wire_client *client)
{
    field_put_uint64(buf, FIELD_CLIENT, client->client);
    if (kind == WIRE_REQUEST) {
        put_optional_string(buf, FIELD_CLIENT_ID, client->client_id);
        put_optional_string(buf, FIELD_ROLE, client->role);
    }
    if (kind == WIRE_REQUEST || kind == WIRE_CANCEL || kind == WIRE_REPLY) {
        field_put_uint64(buf, FIELD_NUMBER, client->number);
    }
    if (kind == WIRE_REQUEST || kind == WIRE_NOTIFICATION) {
        assert(client->method && *client->method && client->params.size);
        field_put_string(buf, FIELD_METHOD, client->method);
        field_put_text(buf, FIELD_PARAMS, client->params);
    }
    if (kind == WIRE_REPLY) {
        assert(client->params.size);
        field_put_uint64(buf, FIELD_INDEX, client->index);
        field_put_text(buf, client->is_error ? FIELD_ERROR : FIELD_RESULT, client->params);
    }
}

static void put_fields(struct buf *buf, const struct wire_message *message)
{
    switch (message->kind) {
    case WIRE_HELLO:
        put_hello(buf, &message->hello);
        break;
    case WIRE_REFUSED:
        field_put_string(buf, FIELD_REASON, message->reason);
        break;
    case WIRE_RAFT:
        put_raft(buf, &message->raft);
        break;
    case WIRE_SNAPSHOT:
        put_snapshot(buf, &message->snapshot);
        break;
    case WIRE_SNAPSHOT_PART:
        put_part(buf, &message->part);
        break;
    case WIRE_JOIN:
        break;
    case WIRE_LEAVE:
        if (!uuid_is_zero(message->leaving)) {
            field_put_uuid(buf, FIELD_SERVER_ID, message->leaving);
        }
        break;
    case WIRE_JOIN_RESULT:
        put_join_result(buf, &message->join_result);
        break;
    case WIRE_REQUEST:
    case WIRE_CANCEL:
    case WIRE_REPLY:
    case WIRE_NOTIFICATION:
    case WIRE_CLIENT_GONE:
        put_client(buf, message->kind, &message->client);
        break;
    default:
        assert(false);
    }
}

void wire_put(struct buf *buf, const struct wire_message *message)
{
    message_begin_notification(buf, wire_kind_name(message->kind));
    buf_puts(buf, "[{");
    put_fields(buf, message);
    buf_putc(buf, '}');
    if (message->kind == WIRE_RAFT && message->raft.kind == MESSAGE_APPEND) {
        const struct member_message *append = &message->raft;

        for (size_t i = 0; i < append->n_entries; i++) {
            assert(append->entries[i].index == append->index + 1 + i);
            buf_putc(buf, ',');
            log_entry_put(buf, &append->entries[i]);
        }
    }
    buf_puts(buf, "]}");
}
