// SPDX-License-Identifier: Apache-2.0
// The messages between members: random ones are decoded as they were encoded; the rows of wire.json
// are accepted or refused with the error in the row.
#include "cluster_unit.h"

#include "basic/hash.h"
#include "basic/str.h"
#include "cluster/wire.h"
#include "json/framer.h"

#define N_ROUNDS 20000

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
    random_state++;
    return hash_u64(random_state, 7) % n;
}

static uint64_t random_count(void)
{
    return random_below(4) ? random_below(1000) : random_below((uint64_t)INT64_MAX);
}

static struct uuid random_id(void)
{
    return (struct uuid){random_below(UINT64_MAX) | 1, random_below(UINT64_MAX)};
}

static const char *random_string(void)
{
    static const char *const strings[] = {"a", "tcp:127.0.0.1:6644", "\"quoted\"\\", "tab\tdel\x7f",
                                          "\xc3\xa9\xe2\x82\xac"};

    return strings[random_below(ARRAY_SIZE(strings))];
}

static const char *random_or_null(void)
{
    return random_below(2) ? random_string() : NULL;
}

static struct slice random_array(void)
{
    static const char *const texts[] = {"[]", "[\"db\",{\"op\":\"comment\"}]", "[1,[2,{\"\":3}]]"};

    return slice_of(texts[random_below(ARRAY_SIZE(texts))]);
}

// What a random message points to.
struct material {
    struct servers servers;
    struct log_entry entries[4];
};

static void material_init(struct material *material)
{
    *material = (struct material){0};
    for (size_t i = 0; i < 1 + random_below(3); i++) {
        servers_add(&material->servers, random_id(), random_string());
    }
}

static void material_done(struct material *material)
{
    servers_done(&material->servers);
    for (size_t i = 0; i < ARRAY_SIZE(material->entries); i++) {
        servers_done(&material->entries[i].servers);
    }
}

static struct log_entry random_entry(const struct material *material, uint64_t index, uint64_t term)
{
    struct log_entry entry = {.index = index, .term = term};

    if (random_below(4)) {
        entry.data = slice_of(random_below(2) ? "[null,{\"t\":{}}]" : "[{\"name\":\"x\"},{}]");
        entry.eid = random_id();
    }
    entry.election_timer = random_below(3) ? 0 : 1 + random_below(1000);
    for (size_t i = 0; !random_below(3) && i < material->servers.n; i++) {
        servers_add(&entry.servers, material->servers.list[i].id,
                    material->servers.list[i].address);
    }
    return entry;
}

static struct member_message random_append(struct material *material, struct member_message message)
{
    uint64_t term = message.index_term ? message.index_term : 1;

    message.commit_index = random_count();
    message.n_entries = random_below(ARRAY_SIZE(material->entries) + 1);
    message.entries = material->entries;
    for (size_t i = 0; i < message.n_entries; i++) {
        term += random_below(message.term - term + 1);
        material->entries[i] = random_entry(material, message.index + 1 + i, term);
    }
    return message;
}

static struct member_message random_raft(struct material *material)
{
    struct member_message message = {.kind = random_below(MESSAGE_N_KINDS),
                                     .term = 1 + random_count()};

    switch (message.kind) {
    case MESSAGE_APPEND_RESULT:
        message.index = random_count();
        message.rejected = random_count();
        message.features = (uint16_t)random_below(UINT16_MAX + 1);
        return message;
    case MESSAGE_VOTE_RESULT:
        message.term -= random_below(2);
        message.is_pre_vote = random_below(2);
        message.is_vote_granted = random_below(2);
        message.features = (uint16_t)random_below(UINT16_MAX + 1);
        return message;
    default:
        break;
    }
    message.index = random_count();
    message.index_term = random_below(message.term + 1);
    switch (message.kind) {
    case MESSAGE_SNAPSHOT:
        message.kind = MESSAGE_APPEND;
        return random_append(material, message);
    case MESSAGE_APPEND:
        return random_append(material, message);
    case MESSAGE_VOTE:
        message.is_pre_vote = random_below(2);
        message.is_transfer = random_below(2);
        return message;
    default:
        return message;
    }
}

static struct wire_snapshot random_snapshot(struct material *material)
{
    struct member_message message = {.kind = MESSAGE_SNAPSHOT,
                                     .term = 1 + random_count(),
                                     .index = 1 + random_count(),
                                     .servers = &material->servers};

    message.index_term = 1 + random_below(message.term);
    message.servers_index = random_below(message.index + 1);
    return (struct wire_snapshot){.message = message,
                                  .election_timer = random_count(),
                                  .eid = random_below(2) ? random_id() : UUID_ZERO,
                                  .size = 1 + random_count()};
}

static struct wire_client random_client(enum wire_kind kind)
{
    struct wire_client client = {.client = random_count()};

    if (kind == WIRE_REQUEST || kind == WIRE_CANCEL || kind == WIRE_REPLY) {
        client.number = random_count();
    }
    if (kind == WIRE_REQUEST || kind == WIRE_NOTIFICATION) {
        client.method = random_string();
        client.params = random_array();
    }
    if (kind == WIRE_REQUEST) {
        client.role = random_or_null();
        client.client_id = random_or_null();
    }
    if (kind == WIRE_REPLY) {
        client.params = random_array();
        client.is_error = random_below(2);
        client.index = random_count();
    }
    return client;
}

static struct wire_message random_message(struct material *material)
{
    struct wire_message message = {.kind = random_below(WIRE_N_KINDS)};

    switch (message.kind) {
    case WIRE_HELLO:
        message.hello = (struct wire_hello){WIRE_VERSION, random_string(),
                                            random_below(2) ? random_id() : UUID_ZERO, random_id(),
                                            random_string()};
        break;
    case WIRE_REFUSED:
        message.reason = random_string();
        break;
    case WIRE_RAFT:
        message.raft = random_raft(material);
        break;
    case WIRE_SNAPSHOT:
        message.snapshot = random_snapshot(material);
        break;
    case WIRE_SNAPSHOT_PART:
        message.part = (struct wire_part){1 + random_count(), random_count(),
                                          slice_of(random_below(9) ? random_string() : "")};
        break;
    case WIRE_JOIN_RESULT:
        message.join_result =
            (struct wire_join_result){random_below(2), random_or_null(), random_or_null()};
        break;
    case WIRE_JOIN:
        break;
    case WIRE_LEAVE:
        message.leaving = random_below(2) ? random_id() : UUID_ZERO;
        break;
    default:
        message.client = random_client(message.kind);
        break;
    }
    return message;
}

static void assert_entries_equal(const struct member_message *a, const struct member_message *b)
{
    assert_int_equal(a->n_entries, b->n_entries);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct log_entry *x = &a->entries[i], *y = &b->entries[i];

        assert_int_equal(x->term, y->term);
        assert_int_equal(x->index, y->index);
        assert_int_equal(x->election_timer, y->election_timer);
        assert_true(servers_equal(&x->servers, &y->servers));
        assert_true(slice_equals(x->data, y->data));
        assert_true(uuid_equals(x->eid, y->eid));
    }
}

static void assert_raft_equal(const struct member_message *a, const struct member_message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->term, b->term);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->index_term, b->index_term);
    assert_int_equal(a->commit_index, b->commit_index);
    assert_int_equal(a->rejected, b->rejected);
    assert_int_equal(a->features, b->features);
    assert_int_equal(a->is_pre_vote, b->is_pre_vote);
    assert_int_equal(a->is_transfer, b->is_transfer);
    assert_int_equal(a->is_vote_granted, b->is_vote_granted);
    assert_int_equal(a->servers_index, b->servers_index);
    assert_int_equal(!a->servers, !b->servers);
    assert_true(!a->servers || servers_equal(a->servers, b->servers));
    assert_entries_equal(a, b);
}

static void assert_client_equal(const struct wire_client *a, const struct wire_client *b)
{
    assert_int_equal(a->client, b->client);
    assert_int_equal(a->number, b->number);
    assert_true(str_equals(a->method, b->method));
    assert_true(str_equals(a->role, b->role));
    assert_true(str_equals(a->client_id, b->client_id));
    assert_true(slice_equals(a->params, b->params));
    assert_int_equal(a->is_error, b->is_error);
    assert_int_equal(a->index, b->index);
}

static void assert_hello_equal(const struct wire_hello *a, const struct wire_hello *b)
{
    assert_int_equal(a->version, b->version);
    assert_string_equal(a->name, b->name);
    assert_true(uuid_equals(a->cluster_id, b->cluster_id));
    assert_true(uuid_equals(a->server_id, b->server_id));
    assert_string_equal(a->address, b->address);
}

static void assert_message_equal(const struct wire_message *a, const struct wire_message *b)
{
    assert_int_equal(a->kind, b->kind);
    switch (a->kind) {
    case WIRE_HELLO:
        assert_hello_equal(&a->hello, &b->hello);
        break;
    case WIRE_REFUSED:
        assert_string_equal(a->reason, b->reason);
        break;
    case WIRE_RAFT:
        assert_raft_equal(&a->raft, &b->raft);
        break;
    case WIRE_SNAPSHOT:
        assert_raft_equal(&a->snapshot.message, &b->snapshot.message);
        assert_int_equal(a->snapshot.election_timer, b->snapshot.election_timer);
        assert_true(uuid_equals(a->snapshot.eid, b->snapshot.eid));
        assert_int_equal(a->snapshot.size, b->snapshot.size);
        break;
    case WIRE_SNAPSHOT_PART:
        assert_int_equal(a->part.index, b->part.index);
        assert_int_equal(a->part.offset, b->part.offset);
        assert_true(slice_equals(a->part.data, b->part.data));
        break;
    case WIRE_JOIN_RESULT:
        assert_int_equal(a->join_result.is_accepted, b->join_result.is_accepted);
        assert_true(str_equals(a->join_result.leader, b->join_result.leader));
        assert_true(str_equals(a->join_result.reason, b->join_result.reason));
        break;
    case WIRE_LEAVE:
        assert_true(uuid_equals(a->leaving, b->leaving));
        break;
    default:
        assert_client_equal(&a->client, &b->client);
        break;
    }
}

static void test_round_trip(void **state)
{
    struct wire_memory *memory = NULL;
    bool kinds[WIRE_N_KINDS] = {0}, raft_kinds[MESSAGE_N_KINDS] = {0};

    for (random_state = 0; random_state < N_ROUNDS * 8;) {
        _cleanup_buf_ struct buf buf = {0};
        struct wire_message message, read;
        struct material material;

        material_init(&material);
        message = random_message(&material);
        wire_put(&buf, &message);
        assert_null(framer_check(buf_slice(&buf), SIZE_MAX, NULL, NULL));
        assert_null(wire_decode(buf_slice(&buf), &memory, &read));
        assert_message_equal(&message, &read);
        kinds[message.kind] = true;
        raft_kinds[message.kind == WIRE_RAFT ? message.raft.kind : MESSAGE_SNAPSHOT] = true;
        material_done(&material);
    }
    for (enum wire_kind kind = 0; kind < WIRE_N_KINDS; kind++) {
        assert_true(kinds[kind]);
    }
    for (enum message_kind kind = 0; kind < MESSAGE_N_KINDS; kind++) {
        assert_true(raft_kinds[kind]);
    }
    wire_memory_free(memory);
}

// The data of entries is not copied, and the memory is used again.
static void test_slices(void **state)
{
    enum { N = 1000 };
    struct log_entry *entries = NEW_ARRAY(struct log_entry, N);
    struct wire_message message = {.kind = WIRE_RAFT}, read;
    struct wire_memory *memory = NULL;
    _cleanup_buf_ struct buf buf = {0};

    for (size_t i = 0; i < N; i++) {
        entries[i] = (struct log_entry){
            .term = 1, .index = 8 + i, .data = SLICE("[null,{}]"), .eid = {1, i}};
    }
    message.raft = (struct member_message){
        .kind = MESSAGE_APPEND, .term = 1, .index = 7, .entries = entries, .n_entries = N};
    wire_put(&buf, &message);
    for (int round = 0; round < 2; round++) {
        const struct wire_memory *before = memory;

        assert_null(wire_decode(buf_slice(&buf), &memory, &read));
        assert_true(!round || memory == before);
        assert_int_equal(read.raft.n_entries, N);
        for (size_t i = 0; i < N; i++) {
            const char *data = read.raft.entries[i].data.data;

            assert_true(data > buf.data && data < buf.data + buf.size);
        }
    }
    assert_raft_equal(&message.raft, &read.raft);
    wire_memory_free(memory);
    free(entries);
}

static void check_row(const json_t *row)
{
    struct wire_memory *memory = NULL;
    char *text = tree_text(json_object_get(row, "text"));
    struct wire_message message;

    assert_error_of_row(row, wire_decode(slice_of(text), &memory, &message));
    wire_memory_free(memory);
    free(text);
}

static const char *rows_path;

static void test_rows(void **state)
{
    for_each_row(rows_path, 200, check_row);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_rows),
    };

    assert(argc == 2);
    rows_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
