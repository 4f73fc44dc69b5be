// SPDX-License-Identifier: Apache-2.0
// Reads the messages. Every member of a message is checked here, so that the consensus and its
// owner can rely on what wire.h says.
#include "basic/utf8.h"
#include "cluster/fields.h"
#include "cluster/wire.h"
#include "json/cursor.h"
#include "json/message.h"

#define MAX_SHOWN 40 // bytes of an unknown name that an error shows

struct wire_memory {
    struct buf method; // with escapes
    struct buf data;   // of a part of a snapshot
    char *strings[4];  // more than any kind has
    size_t n_strings;
    struct log_entry *entries;
    size_t n_entries, capacity;
    struct servers servers;
};

// Frees what belongs to the former message; keeps the arrays.
static void memory_clear(struct wire_memory *memory)
{
    for (size_t i = 0; i < memory->n_strings; i++) {
        free(memory->strings[i]);
    }
    for (size_t i = 0; i < memory->n_entries; i++) {
        servers_done(&memory->entries[i].servers);
    }
    servers_done(&memory->servers);
    memory->n_strings = memory->n_entries = 0;
}

void wire_memory_free(struct wire_memory *memory)
{
    if (memory) {
        memory_clear(memory);
        buf_done(&memory->method);
        buf_done(&memory->data);
        free(memory->entries);
        free(memory);
    }
}

// A string of the message; NULL if it is absent.
static const char *take_string(struct wire_memory *memory, struct fields *fields, enum field field,
                               bool is_required)
{
    char *text = fields_string(fields, field, is_required);

    if (text) {
        assert(memory->n_strings < ARRAY_SIZE(memory->strings));
        memory->strings[memory->n_strings++] = text;
    }
    return text;
}

static void fail_value(struct fields *fields, enum field field, const char *expected)
{
    if (!fields->error) {
        fields_fail(fields, field, error_syntax(fields->values[field], "%s", expected));
    }
}

static uint64_t take_count(struct fields *fields, enum field field, uint64_t min, uint64_t max)
{
    uint64_t count = fields_count(fields, field, true);

    if (!fields->error && (count < min || count > max)) {
        _cleanup_free_ char *expected =
            count < min ? xasprintf("at least %llu is expected", (unsigned long long)min)
                        : xasprintf("at most %llu is expected", (unsigned long long)max);

        fail_value(fields, field, expected);
    }
    return count;
}

// The id of a server. The consensus tells servers apart by its first half.
static struct uuid take_server_id(struct fields *fields)
{
    struct uuid id = fields_uuid(fields, FIELD_SERVER_ID, true);

    if (!id.hi) {
        fail_value(fields, FIELD_SERVER_ID, "the first half of a server ID must not be zero");
    }
    return id;
}

static void decode_hello(struct wire_memory *memory, struct fields *fields,
                         struct wire_hello *hello)
{
    hello->version = take_count(fields, FIELD_VERSION, 1, INT64_MAX);
    hello->name = take_string(memory, fields, FIELD_NAME, true);
    hello->cluster_id = fields_uuid(fields, FIELD_CLUSTER_ID, false);
    hello->server_id = take_server_id(fields);
    hello->address = take_string(memory, fields, FIELD_ADDRESS, true);
}

static enum message_kind take_raft_kind(struct wire_memory *memory, struct fields *fields)
{
    const char *name = take_string(memory, fields, FIELD_KIND, true);
    enum message_kind kind = 0;

    if (fields->error) {
        return 0;
    }
    while (kind < MESSAGE_N_KINDS &&
           (kind == MESSAGE_SNAPSHOT || strcmp(name, wire_raft_kind_name(kind)) != 0)) {
        kind++;
    }
    if (kind == MESSAGE_N_KINDS) {
        fail_value(fields, FIELD_KIND, "unknown kind of message");
        return 0;
    }
    return kind;
}

// Index and term of an entry that the sender has in its log.
static void take_position(struct fields *fields, struct member_message *message, uint64_t min)
{
    message->index = take_count(fields, FIELD_INDEX, min, INT64_MAX);
    message->index_term = take_count(fields, FIELD_INDEX_TERM, min, message->term);
}

static void decode_raft(struct wire_memory *memory, struct fields *fields,
                        struct member_message *message)
{
    message->kind = take_raft_kind(memory, fields);
    // A server that has not heard of any term yet can only answer.
    message->term =
        take_count(fields, FIELD_TERM, message->kind == MESSAGE_VOTE_RESULT ? 0 : 1, INT64_MAX);
    switch (message->kind) {
    case MESSAGE_APPEND:
        take_position(fields, message, 0);
        message->commit_index = take_count(fields, FIELD_COMMIT_INDEX, 0, INT64_MAX);
        break;
    case MESSAGE_APPEND_RESULT:
        message->index = take_count(fields, FIELD_INDEX, 0, INT64_MAX);
        message->rejected = take_count(fields, FIELD_REJECTED, 0, INT64_MAX);
        message->features = (uint16_t)take_count(fields, FIELD_FEATURES, 0, UINT16_MAX);
        break;
    case MESSAGE_VOTE:
        take_position(fields, message, 0);
        message->is_pre_vote = fields_boolean(fields, FIELD_PRE_VOTE, true);
        message->is_transfer = fields_boolean(fields, FIELD_TRANSFER, true);
        break;
    case MESSAGE_VOTE_RESULT:
        message->is_pre_vote = fields_boolean(fields, FIELD_PRE_VOTE, true);
        message->is_vote_granted = fields_boolean(fields, FIELD_GRANTED, true);
        message->features = (uint16_t)take_count(fields, FIELD_FEATURES, 0, UINT16_MAX);
        break;
    default:
        take_position(fields, message, 0);
        break;
    }
}

static void decode_snapshot(struct wire_memory *memory, struct fields *fields,
                            struct wire_snapshot *snapshot)
{
    struct member_message *message = &snapshot->message;
    struct slice servers = fields_value(fields, FIELD_SERVERS, true);

    message->kind = MESSAGE_SNAPSHOT;
    message->term = take_count(fields, FIELD_TERM, 1, INT64_MAX);
    take_position(fields, message, 1);
    message->servers_index = take_count(fields, FIELD_SERVERS_INDEX, 0, message->index);
    message->servers = &memory->servers;
    if (servers.data) {
        fields_fail(fields, FIELD_SERVERS, servers_decode(servers, &memory->servers));
    }
    snapshot->election_timer = fields_count(fields, FIELD_ELECTION_TIMER, false);
    snapshot->eid = fields_uuid(fields, FIELD_EID, false);
    snapshot->size = take_count(fields, FIELD_SIZE, 1, INT64_MAX);
}

static void decode_part(struct wire_memory *memory, struct fields *fields, struct wire_part *part)
{
    struct slice data = fields_value(fields, FIELD_DATA, true);

    part->index = take_count(fields, FIELD_INDEX, 1, INT64_MAX);
    part->offset = take_count(fields, FIELD_OFFSET, 0, INT64_MAX);
    if (data.data && !json_read_string(data, &memory->data, &part->data)) {
        fail_value(fields, FIELD_DATA, "a string is expected");
    }
}

static void decode_join_result(struct wire_memory *memory, struct fields *fields,
                               struct wire_join_result *result)
{
    result->is_accepted = fields_boolean(fields, FIELD_ACCEPTED, true);
    result->leader = take_string(memory, fields, FIELD_LEADER, false);
    result->reason = take_string(memory, fields, FIELD_REASON, false);
}

static void decode_call(struct wire_memory *memory, struct fields *fields,
                        struct wire_client *client)
{
    client->method = take_string(memory, fields, FIELD_METHOD, true);
    client->params = fields_value(fields, FIELD_PARAMS, true);
    if (client->params.data && json_kind_of(client->params) != JSON_KIND_ARRAY) {
        fail_value(fields, FIELD_PARAMS, "an array is expected");
    }
}

static void decode_reply(struct fields *fields, struct wire_client *client)
{
    client->is_error = fields_has(fields, FIELD_ERROR);
    client->params = fields_value(fields, client->is_error ? FIELD_ERROR : FIELD_RESULT, true);
    client->index = take_count(fields, FIELD_INDEX, 0, INT64_MAX);
}

static void decode_client(struct wire_memory *memory, struct fields *fields, enum wire_kind kind,
                          struct wire_client *client)
{
    client->client = take_count(fields, FIELD_CLIENT, 0, INT64_MAX);
    if (kind == WIRE_REQUEST || kind == WIRE_CANCEL || kind == WIRE_REPLY) {
        client->number = take_count(fields, FIELD_NUMBER, 0, INT64_MAX);
    }
    if (kind == WIRE_REQUEST || kind == WIRE_NOTIFICATION) {
        decode_call(memory, fields, client);
    }
    if (kind == WIRE_REQUEST) {
        client->role = take_string(memory, fields, FIELD_ROLE, false);
        client->client_id = take_string(memory, fields, FIELD_CLIENT_ID, false);
    }
    if (kind == WIRE_REPLY) {
        decode_reply(fields, client);
    }
}

static void decode_fields(struct wire_memory *memory, struct fields *fields,
                          struct wire_message *message)
{
    switch (message->kind) {
    case WIRE_HELLO:
        decode_hello(memory, fields, &message->hello);
        break;
    case WIRE_REFUSED:
        message->reason = take_string(memory, fields, FIELD_REASON, true);
        break;
    case WIRE_RAFT:
        decode_raft(memory, fields, &message->raft);
        break;
    case WIRE_SNAPSHOT:
        decode_snapshot(memory, fields, &message->snapshot);
        break;
    case WIRE_SNAPSHOT_PART:
        decode_part(memory, fields, &message->part);
        break;
    case WIRE_JOIN_RESULT:
        decode_join_result(memory, fields, &message->join_result);
        break;
    case WIRE_LEAVE:
        message->leaving = fields_uuid(fields, FIELD_SERVER_ID, false);
        break;
    case WIRE_REQUEST:
    case WIRE_CANCEL:
    case WIRE_REPLY:
    case WIRE_NOTIFICATION:
    case WIRE_CLIENT_GONE:
        decode_client(memory, fields, message->kind, &message->client);
        break;
    default: // no fields
        break;
    }
}

// Checks that the last entry continues the log that precedes it.
static struct ovsdb_error *check_entry(const struct wire_memory *memory,
                                       const struct member_message *append)
{
    size_t n = memory->n_entries;
    const struct log_entry *entry = &memory->entries[n - 1];
    uint64_t term = n > 1 ? entry[-1].term : append->index_term;

    if (entry->index != append->index + n) {
        return error_new(ERROR_SYNTAX, "entry %zu of \"append\" has the index %llu instead of %llu",
                         n, (unsigned long long)entry->index,
                         (unsigned long long)append->index + n);
    }
    if (entry->term < term || entry->term > append->term) {
        return error_new(ERROR_SYNTAX,
                         "entry %zu of \"append\" has the term %llu, which is not from %llu to "
                         "%llu",
                         n, (unsigned long long)entry->term, (unsigned long long)term,
                         (unsigned long long)append->term);
    }
    return NULL;
}

// Reads the parameters after the first one, at which the cursor is.
static struct ovsdb_error *decode_entries(struct wire_memory *memory, struct cursor *cursor,
                                          struct member_message *append)
{
    struct ovsdb_error *error = NULL;

    while (!error && cursor_more(cursor)) {
        struct slice json = cursor_skip(cursor);

        GROW(memory->entries, memory->n_entries, memory->capacity);
        error = log_entry_decode(json, &memory->entries[memory->n_entries]);
        if (error) {
            error_prefix(error, "entry %zu of \"append\": ", memory->n_entries + 1);
            return error;
        }
        memory->n_entries++;
        error = check_entry(memory, append);
    }
    append->entries = memory->entries;
    append->n_entries = memory->n_entries;
    return error;
}

static struct ovsdb_error *find_kind(struct slice method, enum wire_kind *ret)
{
    enum wire_kind kind = 0;

    while (kind < WIRE_N_KINDS && !slice_is(method, wire_kind_name(kind))) {
        kind++;
    }
    if (kind == WIRE_N_KINDS) {
        method.size = utf8_cut(method, MAX_SHOWN);
        return error_new(ERROR_SYNTAX, "unknown message \"" SLICE_FORMAT "\"", SLICE_ARGS(method));
    }
    *ret = kind;
    return NULL;
}

// The version is checked before all other fields of a hello, which may differ in another version.
static struct ovsdb_error *check_version(struct slice object)
{
    uint64_t version;

    if (json_read_count(json_member(object, "version"), &version) && version != WIRE_VERSION) {
        return error_new(ERROR_NOT_SUPPORTED,
                         "the peer speaks version %llu of the cluster protocol, not version %d",
                         (unsigned long long)version, WIRE_VERSION);
    }
    return NULL;
}

// `params` is an array.
static struct ovsdb_error *decode_params(struct wire_memory *memory, struct slice params,
                                         struct wire_message *message)
{
    _cleanup_free_ char *what = xasprintf("the message \"%s\"", wire_kind_name(message->kind));
    struct ovsdb_error *error;
    struct fields fields;
    struct slice object;
    struct cursor cursor;

    cursor_init(&cursor, params);
    if (!cursor_enter(&cursor) || cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return error_new(ERROR_SYNTAX, "the first parameter of %s must be an object", what);
    }
    object = cursor_skip(&cursor);
    error = message->kind == WIRE_HELLO ? check_version(object) : NULL;
    if (error) {
        return error;
    }
    fields_begin(&fields, object, what);
    decode_fields(memory, &fields, message);
    error = fields_end(&fields);
    if (!error && message->kind == WIRE_RAFT && message->raft.kind == MESSAGE_APPEND) {
        return decode_entries(memory, &cursor, &message->raft);
    }
    if (!error && cursor_more(&cursor)) {
        error = error_new(ERROR_SYNTAX, "%s has more than one parameter", what);
    }
    return error;
}

struct ovsdb_error *wire_decode(struct slice text, struct wire_memory **memory,
                                struct wire_message *ret)
{
    struct wire_message message = {0};
    struct message notification;
    struct ovsdb_error *error;
    const char *fault;

    *memory = *memory ? *memory : NEW(struct wire_memory);
    memory_clear(*memory);
    fault = message_parse(text, &(*memory)->method, &notification);
    if (fault || notification.type != MESSAGE_NOTIFICATION) {
        return error_new(ERROR_SYNTAX, "%s", fault ? fault : "a notification is expected");
    }
    error = find_kind(notification.method, &message.kind);
    error = error ? error : decode_params(*memory, notification.params, &message);
    if (!error) {
        *ret = message;
    }
    return error;
}
