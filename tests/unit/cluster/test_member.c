// SPDX-License-Identifier: Apache-2.0
// Clusters of members in one process, each with a database: random transactions at the leaders, a
// network that delays messages and breaks connections, disks that write late and lose what they
// have not written when a member crashes, elections, transfers, snapshots. Everything follows from
// a seed. Servers join, leave and are kicked; the schema and the election timer change; disks are
// full for a while. Checked:
//
// - an entry that is applied has the same transaction id at all members;
// - a transaction whose position has become durable is in the log at the end;
// - a member that restarts has what it had;
// - what an observer of a database has seen and not heard to be withdrawn is, at the end, the order
//   of the applied entries without gaps;
// - at the end, when the network works, each server that was to join is a member, and none that has
//   left is one; all members' databases, schemas and election timers are equal.
//
//     test_member SCHEMA [FIRST-SEED [N]]
#include "../engine/engine_fixture.h"
#include "../engine/random_transaction.h"

#include "cluster/member.h"
#include "engine/undo.h"
#include "store/apply_record.h"
#include "store/encode.h"

#include <stdlib.h>

enum {
    MAX_MEMBERS = 5, // at the start
    MAX_NODES = 8,
    MAX_ENTRIES = 20000,
    FAULTY_MS = 10000,
    QUIET_MS = 5000,     // without faults
    SETTLING_MS = 15000, // without transactions, at the end
};

// A record that was written, and whether it survives a crash.
struct written {
    char *text;
    bool is_header;
};

struct write {
    uint64_t due;
    size_t end; // of the disk's records
};

struct node {
    struct simulation *simulation;
    size_t number;
    struct uuid id;
    char address[48];
    struct member *member; // NULL: crashed
    struct member_log *log;
    struct db *db;
    struct written *disk;
    size_t n_disk, disk_capacity, n_durable;
    struct write *writes; // that are not reported
    size_t n_writes, writes_capacity;
    bool has_full_disk;
    bool is_kicked, is_leaving;
    uint64_t checked_index; // see check_applied()
    bool is_converting;

    // What the observer of the database has seen.
    struct db_observer observer;
    struct uuid *seen;
    size_t n_seen, seen_capacity;
    uint64_t seen_after; // the index that the database showed before
};

struct packet {
    struct list node;
    uint64_t due;
    size_t from, to;
    struct buf text;
};

// A transaction, and what is known of it.
struct transaction {
    struct position_waiter waiter;
    struct simulation *simulation;
    struct uuid id;
    bool is_acknowledged;
    bool is_settled;
};

struct simulation {
    uint64_t now;
    char name[64]; // of the database
    size_t n;
    struct node nodes[MAX_NODES];
    struct list packets; // in the order of sending
    bool is_cut[MAX_NODES][MAX_NODES];
    uint64_t last_due[MAX_NODES][MAX_NODES];
    struct uuid applied[MAX_ENTRIES]; // by index: the transaction id
    struct transaction *transactions[MAX_ENTRIES];
    size_t n_transactions;
    unsigned n_acknowledged, n_lost, n_snapshots, n_installed, n_withdrawn, n_crashes;
    unsigned n_kicked, n_left, n_conversions, n_versions, n_timers;
};

static uint64_t uuid_state;

static struct uuid next_uuid(void)
{
    uuid_state++;
    return (struct uuid){uuid_state << 32 | 0x4000, 0x8000000000000000u | uuid_state};
}

static struct node *find_node(struct simulation *simulation, struct uuid id)
{
    for (size_t i = 0; i < simulation->n; i++) {
        if (uuid_equals(simulation->nodes[i].id, id)) {
            return &simulation->nodes[i];
        }
    }
    return NULL;
}

// The observer

static void on_seen(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct node *node = CONTAINER_OF(observer, struct node, observer);

    GROW(node->seen, node->n_seen, node->seen_capacity);
    node->seen[node->n_seen++] = changes->txn_id;
}

static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct node *node = CONTAINER_OF(observer, struct node, observer);

    while (node->n_seen && !uuid_equals(node->seen[node->n_seen - 1], last->txn_id)) {
        node->n_seen--;
    }
}

static void node_observe(struct node *node, uint64_t index)
{
    node->n_seen = 0;
    node->seen_after = index;
    db_add_observer(node->db, &node->observer);
}

// What was seen is the order of the applied entries after `seen_after`, without gaps.
static void check_seen(const struct node *node)
{
    const struct uuid *applied = node->simulation->applied;
    uint64_t index = node->seen_after;

    for (size_t i = 0; i < node->n_seen; i++) {
        do {
            index++;
            assert_true(index <= member_applied_index(node->member));
        } while (uuid_is_zero(applied[index]));
        assert_true(uuid_equals(applied[index], node->seen[i]));
    }
    while (++index <= member_applied_index(node->member)) {
        assert_true(uuid_is_zero(applied[index]));
    }
}

// The disk

static void disk_put(struct node *node, struct buf *text, bool is_header)
{
    GROW(node->disk, node->n_disk, node->disk_capacity);
    node->disk[node->n_disk++] = (struct written){xstrdup(buf_cstr(text)), is_header};
    buf_done(text);
}

static void disk_truncate(struct node *node, size_t n)
{
    while (node->n_disk > n) {
        free(node->disk[--node->n_disk].text);
    }
    node->n_durable = MIN(node->n_durable, n);
}

// Adds records to the log in memory, which goes through their text as a file does.
static void add_text(struct member_log *log, const char *text)
{
    struct file_record record;
    struct ovsdb_error *error = file_record_decode(slice_of(text), &record);

    if (!error) {
        error = member_log_add(log, &record);
        file_record_done(&record);
    }
    if (error) {
        fail_msg("%s: %s", text, error->details);
    }
}

static void put_records(struct node *node, const struct file_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf text = {0};

        file_record_put(&text, &records[i]);
        add_text(node->log, buf_cstr(&text));
        disk_put(node, &text, false);
    }
}

static struct member_log *log_of_header(const char *text)
{
    struct file_header header;
    struct ovsdb_error *error = file_header_decode(slice_of(text), &header);

    if (error) {
        fail_msg("%s", error->details);
    }
    return member_log_new(header);
}

// Writes a new file that begins with this header; `with_entries`: the entries of the log that it
// does not contain follow.
static void replace_file(struct node *node, const struct file_header *header, uint64_t term,
                         struct uuid vote, bool with_entries)
{
    struct member_log *old = node->log;
    const struct file_record record = {
        .kind = uuid_is_zero(vote) ? FILE_RECORD_TERM : FILE_RECORD_VOTE,
        .term = term,
        .server = vote,
    };
    struct buf text = {0};

    file_header_put(&text, header);
    disk_truncate(node, 0);
    node->log = log_of_header(buf_cstr(&text));
    disk_put(node, &text, true);
    put_records(node, &record, 1);
    for (uint64_t i = header->prev_index + 1; with_entries && i <= member_log_last_index(old);
         i++) {
        const struct file_record entry = {.kind = FILE_RECORD_ENTRY,
                                          .entry = *member_log_entry(old, i)};

        put_records(node, &entry, 1);
    }
    member_log_free(old);
    node->n_durable = node->n_disk;
    for (size_t i = 0; i < node->n_writes; i++) {
        node->writes[i].end = 0;
    }
}

// The handler

static const struct member_log *on_log(void *userdata)
{
    const struct node *node = userdata;

    return node->log;
}

static void on_write(void *userdata, const struct file_record *records, size_t n)
{
    struct node *node = userdata;
    uint64_t due = node->simulation->now + 1 + (uint64_t)random_below(30);

    put_records(node, records, n);
    if (node->n_writes) {
        due = MAX(due, node->writes[node->n_writes - 1].due);
    }
    GROW(node->writes, node->n_writes, node->writes_capacity);
    node->writes[node->n_writes++] = (struct write){due, node->n_disk};
}

static bool on_write_synced(void *userdata, const struct file_record *records, size_t n)
{
    struct node *node = userdata;

    if (node->has_full_disk) {
        return false;
    }
    put_records(node, records, n);
    node->n_durable = node->n_disk;
    return true;
}

static bool on_install(void *userdata, struct file_header *header, uint64_t term, struct uuid vote)
{
    struct node *node = userdata;

    if (!node->has_full_disk) {
        replace_file(node, header, term, vote, false);
        node->simulation->n_installed++;
    }
    header->prev_data = SLICE_EMPTY;
    file_header_done(header);
    return !node->has_full_disk;
}

static bool send_packet(struct node *node, struct node *other, const struct wire_message *message)
{
    struct simulation *simulation = node->simulation;
    struct packet *packet;
    uint64_t *last;

    if (!other || other == node || simulation->is_cut[node->number][other->number]) {
        return false;
    }
    packet = NEW(struct packet);
    last = &simulation->last_due[node->number][other->number];
    packet->due = MAX(*last, simulation->now + 1 + (uint64_t)random_below(20));
    *last = packet->due;
    packet->from = node->number;
    packet->to = other->number;
    wire_put(&packet->text, message);
    list_push_back(&simulation->packets, &packet->node);
    return true;
}

static bool on_send(void *userdata, struct uuid to, const struct wire_message *message)
{
    struct node *node = userdata;
    struct simulation *simulation = node->simulation;

    if (!uuid_is_zero(to)) {
        return send_packet(node, find_node(simulation, to), message);
    }
    for (size_t i = 0; i < simulation->n; i++) {
        send_packet(node, &simulation->nodes[i], message);
    }
    return true;
}

static size_t on_backlog(void *userdata, struct uuid to)
{
    return 0;
}

static bool on_encode(void *userdata, const struct changeset *changes, struct buf *buf)
{
    return encode_changes(buf, changes, true, 1700000000000);
}

static struct ovsdb_error *on_apply(void *userdata, struct slice record)
{
    const struct node *node = userdata;

    return record_apply(node->db, record);
}

static struct db *build(const struct entry_data *data, struct uuid txn_id)
{
    struct decode_position position = {0};
    _cleanup_schema_ struct schema *schema = NULL;
    _cleanup_buf_ struct buf scratch = {0};
    struct ovsdb_error *error = schema_from_text(data->schema, &schema);
    struct record_info info;
    struct db *db = db_new(schema, next_uuid);

    assert_null(error);
    if (data->transaction.data) {
        error = decode_record(db, data->transaction, &position, &scratch, &info);
        assert_null(error);
    }
    assert_null(db_load_finish(db, NULL));
    db_set_last_txn_id(db, txn_id);
    return db;
}

static struct ovsdb_error *on_replace(void *userdata, const struct entry_data *data,
                                      struct uuid txn_id, struct db **ret)
{
    struct node *node = userdata;
    struct db *old = node->db;

    db_remove_observer(&node->observer);
    node->db = *ret = build(data, txn_id);
    db_set_log(node->db, member_commit_log(node->member));
    node_observe(node, MAX(node->log->header.prev_index, member_applied_index(node->member)));
    node->is_converting = false;
    db_free(old);
    return NULL;
}

static void on_withdraw(void *userdata, struct changeset *last)
{
    const struct node *node = userdata;

    node->simulation->n_withdrawn++;
    db_undo(node->db, last);
    fixture_check(node->db);
}

static void on_changed(void *userdata)
{
}

static void on_client(void *userdata, struct uuid from, const struct wire_message *message)
{
    fail_msg("no client sends requests");
}

static const struct member_handler handler = {
    .log = on_log,
    .write = on_write,
    .write_synced = on_write_synced,
    .install = on_install,
    .send = on_send,
    .backlog = on_backlog,
    .encode = on_encode,
    .apply = on_apply,
    .replace = on_replace,
    .withdraw = on_withdraw,
    .changed = on_changed,
    .client = on_client,
};

// Members

static void apply_committed(struct node *node)
{
    const struct log_entry *entry;
    struct entry_data data = {0};

    if (!file_header_is_member(&node->log->header)) {
        _cleanup_schema_ struct schema *schema = schema_of_file(fixture_schema_path);

        node->db = db_new(schema, next_uuid);
        return;
    }
    assert_null(entry_data_decode(node->log->header.prev_data, &data));
    node->db = build(&data, node->log->header.prev_eid);
    for (uint64_t i = node->log->header.prev_index + 1; i <= node->log->commit_index; i++) {
        entry = member_log_entry(node->log, i);
        if (entry->data.data) {
            assert_null(entry_data_decode(entry->data, &data));
            if (data.schema.data) {
                db_free(node->db);
                node->db = build(&data, entry->eid);
            } else {
                assert_null(record_apply(node->db, data.transaction));
                db_set_last_txn_id(node->db, entry->eid);
            }
        }
    }
}

static void node_init(struct simulation *simulation, struct node *node)
{
    node->simulation = simulation;
    node->number = simulation->n++;
    node->id = next_uuid();
    node->observer.committed = on_seen;
    node->observer.withdrawn = on_withdrawn;
    snprintf(node->address, sizeof(node->address), "tcp:10.0.0.%zu:6643", node->number + 1);
}

static void node_start(struct node *node)
{
    const struct member_settings settings = {.new_uuid = next_uuid, .seed = (unsigned)random()};

    assert_true(node->n_disk && node->disk[0].is_header);
    node->log = log_of_header(node->disk[0].text);
    for (size_t i = 1; i < node->n_disk; i++) {
        add_text(node->log, node->disk[i].text);
    }
    apply_committed(node);
    node->member = member_new(&settings, &handler, node, node->db, node->log->commit_index);
    db_set_log(node->db, member_commit_log(node->member));
    node_observe(node, node->log->commit_index);
    node->checked_index = 0;
    node->is_converting = false;
    member_start(node->member, node->simulation->now);
    member_ask_to_join(node->member, node->simulation->now, (struct uuid){1, 2});
    if (node->is_leaving) {
        member_leave(node->member, node->simulation->now);
    }
}

static void drop_packets(struct simulation *simulation, size_t from, size_t to)
{
    struct packet *packet, *next;

    LIST_FOREACH_SAFE (packet, next, &simulation->packets, node) {
        if (packet->from == from && packet->to == to) {
            list_remove(&packet->node);
            buf_done(&packet->text);
            free(packet);
        }
    }
}

static void node_stop(struct node *node)
{
    positions_lose(&member_commit_log(node->member)->positions);
    member_free(node->member);
    node->member = NULL;
    db_remove_observer(&node->observer);
    db_free(node->db);
    member_log_free(node->log);
    node->db = NULL;
    node->log = NULL;
    node->n_writes = 0;
}

static void node_crash(struct node *node)
{
    struct simulation *simulation = node->simulation;

    simulation->n_crashes++;
    node_stop(node);
    disk_truncate(node, node->n_durable +
                            (size_t)random_below((int)(node->n_disk - node->n_durable + 1)));
    node->n_durable = node->n_disk;
    for (size_t i = 0; i < simulation->n; i++) {
        drop_packets(simulation, node->number, i);
        drop_packets(simulation, i, node->number);
    }
}

// Clients

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    struct transaction *transaction = CONTAINER_OF(waiter, struct transaction, waiter);

    transaction->is_settled = true;
    transaction->is_acknowledged = !is_lost;
    transaction->simulation->n_acknowledged += !is_lost;
    transaction->simulation->n_lost += is_lost;
}

static bool leads(const struct node *node)
{
    struct member_status status;

    if (!node->member) {
        return false;
    }
    member_status(node->member, node->simulation->now, &status);
    return status.is_ready;
}

static void node_transact(struct node *node)
{
    struct simulation *simulation = node->simulation;
    struct transaction *transaction;
    struct position position;

    if (node->is_converting || !random_transaction(node->db) ||
        simulation->n_transactions == MAX_ENTRIES) {
        return;
    }
    position = db_last_position(node->db);
    if (position_is_durable(position)) {
        return; // only ephemeral columns
    }
    transaction = NEW(struct transaction);
    simulation->transactions[simulation->n_transactions++] = transaction;
    transaction->simulation = simulation;
    transaction->id = db_tail(node->db)->txn_id;
    position_wait(position, &transaction->waiter, on_settled);
}

// A snapshot of a member whose memory shows only what is committed replaces its log.
static void node_compact(struct node *node)
{
    struct member_status status;
    struct file_header header = {0};
    struct buf data = {0};
    uint64_t index, log_term = node->log->term;
    struct uuid vote = node->log->vote;

    member_status(node->member, node->simulation->now, &status);
    index = status.applied_index;
    if (index <= node->log->header.prev_index || status.state == MEMBER_FAILED ||
        !position_is_durable(db_last_position(node->db)) || node->has_full_disk) {
        return;
    }
    header = member_log_header_at(node->log, index);
    buf_puts(&data, "[");
    buf_put_slice(&data, text_slice(db_schema(node->db)->json));
    buf_puts(&data, ",");
    encode_snapshot(&data, node->db, NULL, 1700000000000);
    buf_puts(&data, "]");
    header.prev_data = buf_slice(&data);
    replace_file(node, &header, log_term, vote, true);
    member_compacted(node->member, node->simulation->now, index, header.prev_term, 0);
    header.prev_data = SLICE_EMPTY;
    file_header_done(&header);
    buf_done(&data);
    node->simulation->n_snapshots++;
}

// Writes the schema with a version that it has not had.
static void put_schema(struct buf *buf, struct simulation *simulation, const struct db *db)
{
    const char *text = db_schema(db)->json->data;
    const char *version = strstr(text, "\"version\":\"");
    const char *end;

    assert_non_null(version);
    version += strlen("\"version\":\"");
    end = strchr(version, '"');
    buf_printf(buf, "%.*s1.0.%u%s", (int)(version - text), text, ++simulation->n_versions, end);
}

static void node_convert(struct node *node)
{
    struct simulation *simulation = node->simulation;
    _cleanup_buf_ struct buf data = {0};

    if (node->is_converting || !leads(node)) {
        return;
    }
    buf_puts(&data, "[");
    put_schema(&data, simulation, node->db);
    buf_puts(&data, ",");
    encode_snapshot(&data, node->db, NULL, 1700000000000);
    buf_puts(&data, "]");
    node->is_converting = true;
    if (member_convert(node->member, simulation->now, buf_slice(&data))) {
        node->is_converting = false;
    }
    simulation->n_conversions++;
}

// Changes of the members

static size_t count_wanted(const struct simulation *simulation)
{
    size_t n = 0;

    for (size_t i = 0; i < simulation->n; i++) {
        n += !simulation->nodes[i].is_kicked && !simulation->nodes[i].is_leaving;
    }
    return n;
}

static void node_leave(struct node *node)
{
    if (node->member && file_header_is_member(&node->log->header) && !node->is_kicked &&
        count_wanted(node->simulation) > 2) {
        node->is_leaving = true;
        node->simulation->n_left++;
        member_leave(node->member, node->simulation->now);
    }
}

// The server `node` asks to remove another one, or itself.
static void node_kick(struct node *node, struct node *other)
{
    struct simulation *simulation = node->simulation;

    if (leads(node) && !other->is_leaving && count_wanted(simulation) > 2 &&
        member_kick(node->member, simulation->now, other->id) == 0) {
        other->is_kicked = true;
        simulation->n_kicked++;
    }
}

static void node_join(struct simulation *simulation)
{
    const char *remote = simulation->nodes[0].address;
    struct node *node = &simulation->nodes[simulation->n];
    struct buf text = {0};
    struct file_header header = {.cluster_id = (struct uuid){1, 2},
                                 .local_address = node->address,
                                 .name = simulation->name,
                                 .remote_addresses = (char **)&remote,
                                 .n_remote_addresses = 1};

    if (simulation->n == MAX_NODES) {
        return;
    }
    node_init(simulation, node);
    header.server_id = node->id;
    file_header_put(&text, &header);
    disk_put(node, &text, true);
    node->n_durable = 1;
    node_start(node);
}

// The checks

static void check_applied(struct node *node)
{
    struct simulation *simulation = node->simulation;
    uint64_t applied = member_applied_index(node->member);

    for (uint64_t i = MAX(node->log->header.prev_index, node->checked_index) + 1; i <= applied;
         i++) {
        const struct log_entry *entry = member_log_entry(node->log, i);
        struct uuid id = entry->data.data ? entry->eid : UUID_ZERO;

        assert_true(i < MAX_ENTRIES);
        if (!uuid_is_zero(id)) {
            assert_true(uuid_is_zero(simulation->applied[i]) ||
                        uuid_equals(simulation->applied[i], id));
            simulation->applied[i] = id;
        }
    }
    node->checked_index = applied;
}

static bool is_applied(const struct simulation *simulation, struct uuid id)
{
    for (size_t i = 0; i < MAX_ENTRIES; i++) {
        if (uuid_equals(simulation->applied[i], id)) {
            return true;
        }
    }
    return false;
}

static void check_member(struct node *node, const struct node *leader, struct slice first)
{
    struct member_status status, leader_status;
    _cleanup_buf_ struct buf rows = {0};

    member_status(node->member, node->simulation->now, &status);
    member_status(leader->member, node->simulation->now, &leader_status);
    assert_int_equal(status.applied_index, leader_status.applied_index);
    assert_int_equal(status.election_timer, leader_status.election_timer);
    fixture_check(node->db);
    encode_snapshot(&rows, node->db, NULL, 0);
    assert_string_equal(buf_cstr(&rows), first.data);
    assert_string_equal(db_schema(node->db)->json->data, db_schema(leader->db)->json->data);
    check_seen(node);
}

static void show(const struct simulation *simulation)
{
    for (size_t i = 0; i < simulation->n; i++) {
        const struct node *node = &simulation->nodes[i];
        struct member_status status;

        member_status(node->member, simulation->now, &status);
        print_message(
            "%zu: %s, %s of term %llu, log %llu to %llu, committed %llu, applied %llu%s%s:",
            node->number, member_state_name(status.state),
            consensus_role_name(status.consensus.role), (unsigned long long)status.consensus.term,
            (unsigned long long)node->log->header.prev_index,
            (unsigned long long)status.consensus.last_index,
            (unsigned long long)status.consensus.commit_index,
            (unsigned long long)status.applied_index, node->is_kicked ? ", kicked" : "",
            node->is_leaving ? ", leaving" : "");
        for (size_t j = 0; j < member_servers(node->member)->n; j++) {
            print_message(" %zu", find_node((struct simulation *)simulation,
                                            member_servers(node->member)->list[j].id)
                                      ->number);
        }
        print_message("\n");
    }
}

static struct node *find_leader(struct simulation *simulation)
{
    struct node *leader = NULL;

    for (size_t i = 0; i < simulation->n; i++) {
        if (leads(&simulation->nodes[i])) {
            assert_null(leader);
            leader = &simulation->nodes[i];
        }
    }
    assert_non_null(leader);
    return leader;
}

static void check_end(struct simulation *simulation)
{
    _cleanup_buf_ struct buf first = {0};
    struct node *leader;

    if (getenv("SHOW")) {
        show(simulation);
    }
    leader = find_leader(simulation);
    encode_snapshot(&first, leader->db, NULL, 0);
    buf_cstr(&first);
    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];
        struct member_status status;

        member_status(node->member, simulation->now, &status);
        if (servers_find(member_servers(leader->member), node->id)) {
            assert_false(node->is_leaving);
            check_member(node, leader, buf_slice(&first));
        } else {
            assert_true(node->is_kicked || node->is_leaving);
            assert_true(node->is_kicked || status.state == MEMBER_LEFT);
        }
    }
    for (size_t i = 0; i < simulation->n_transactions; i++) {
        const struct transaction *transaction = simulation->transactions[i];

        assert_true(transaction->is_settled);
        if (transaction->is_acknowledged && !is_applied(simulation, transaction->id)) {
            fail_msg("acknowledged transaction %zu is lost", i);
        }
    }
}

// The run

static void receive(struct node *node, const struct node *from, const struct wire_message *message)
{
    uint64_t now = node->simulation->now;

    if (message->kind == WIRE_JOIN) {
        member_add_server(node->member, now, from->id, from->address);
    } else {
        member_receive(node->member, now, from->id, message);
    }
}

static void deliver(struct simulation *simulation)
{
    struct packet *packet, *next;

    LIST_FOREACH_SAFE (packet, next, &simulation->packets, node) {
        struct node *node = &simulation->nodes[packet->to];
        struct wire_memory *memory = NULL;
        struct wire_message message;

        if (packet->due > simulation->now) {
            continue;
        }
        list_remove(&packet->node);
        if (node->member) {
            struct ovsdb_error *error = wire_decode(buf_slice(&packet->text), &memory, &message);

            if (error) {
                fail_msg("%s: %s", buf_cstr(&packet->text), error->details);
            }
            receive(node, &simulation->nodes[packet->from], &message);
            wire_memory_free(memory);
        }
        buf_done(&packet->text);
        free(packet);
        next = LIST_FIRST(&simulation->packets, struct packet, node);
        if (list_is_empty(&simulation->packets)) {
            return;
        }
    }
}

static void finish_writes(struct node *node)
{
    size_t n = 0;

    while (!node->has_full_disk && n < node->n_writes &&
           node->writes[n].due <= node->simulation->now) {
        node->n_durable = MAX(node->n_durable, node->writes[n].end);
        n++;
    }
    if (n) {
        node->n_writes -= n;
        memmove(node->writes, node->writes + n, node->n_writes * sizeof(*node->writes));
        member_persisted(node->member, node->simulation->now, n);
    }
}

static void node_turn(struct node *node)
{
    uint64_t now = node->simulation->now;

    finish_writes(node);
    if (member_deadline(node->member) <= now) {
        member_timeout(node->member, now);
    }
    member_flush(node->member, now);
    while (member_run(node->member, now)) {
    }
    if (!leads(node)) {
        node->is_converting = false;
    }
    check_applied(node);
}

// The owner starts a member that has failed because of a full disk from its file.
static void node_recover(struct node *node)
{
    struct member_status status;

    member_status(node->member, node->simulation->now, &status);
    if (status.state == MEMBER_FAILED && !node->has_full_disk) {
        node_crash(node);
        node_start(node);
    }
}

static void cut_links(struct simulation *simulation)
{
    size_t from = (size_t)random_below((int)simulation->n);
    size_t to = (size_t)random_below((int)simulation->n);

    simulation->is_cut[from][to] = random_below(3);
    drop_packets(simulation, from, to);
}

// Cuts a member off from all others, or ends that.
static void isolate(struct simulation *simulation, struct node *node)
{
    bool on = !random_below(3);

    for (size_t i = 0; i < simulation->n; i++) {
        simulation->is_cut[node->number][i] = on;
        simulation->is_cut[i][node->number] = on;
        drop_packets(simulation, node->number, i);
        drop_packets(simulation, i, node->number);
    }
}

// What administrators do.
static void inject_commands(struct simulation *simulation)
{
    struct node *node = &simulation->nodes[random_below((int)simulation->n)];
    struct node *other = &simulation->nodes[random_below((int)simulation->n)];

    switch (random_below(800)) {
    case 0:
        node_join(simulation);
        break;
    case 1:
        node_leave(node);
        break;
    case 2:
    case 3:
    case 4:
        if (node->member) {
            node_kick(node, other);
        }
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        node_convert(node);
        break;
    case 9:
    case 10:
    case 11:
        if (node->member && leads(node)) {
            simulation->n_timers += !member_set_election_timer(
                node->member, simulation->now, 500 + 100 * (unsigned)random_below(10));
        }
        break;
    case 12:
    case 13:
        node->has_full_disk = true;
        break;
    default:
        if (!random_below(100)) {
            node->has_full_disk = false;
        }
    }
}

static void inject_faults(struct simulation *simulation)
{
    struct node *node = &simulation->nodes[random_below((int)simulation->n)];

    switch (random_below(200)) {
    case 0:
    case 1:
        if (node->member) {
            node_crash(node);
        }
        break;
    case 2:
    case 3:
    case 4:
        if (!node->member) {
            node_start(node);
        }
        break;
    case 5:
    case 6:
        cut_links(simulation);
        break;
    case 11:
    case 12:
        isolate(simulation, node);
        break;
    case 7:
        if (node->member) {
            member_transfer(node->member, simulation->now, UUID_ZERO);
        }
        break;
    case 8:
    case 9:
    case 10:
        if (node->member) {
            node_compact(node);
        }
        break;
    default:
        break;
    }
}

static void simulation_turn(struct simulation *simulation, bool with_faults)
{
    simulation->now += 1 + (uint64_t)random_below(10);
    if (with_faults) {
        inject_faults(simulation);
        inject_commands(simulation);
    }
    deliver(simulation);
    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];

        if (node->member && leads(node) && !random_below(8)) {
            for (int n = random_below(4); n && leads(node); n--) {
                node_transact(node);
            }
        }
        if (node->member) {
            node_turn(node);
            node_recover(node);
        }
    }
}

static void simulation_start(struct simulation *simulation)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(fixture_schema_path);
    struct servers servers = {0};
    struct buf data = {0};

    list_init(&simulation->packets);
    snprintf(simulation->name, sizeof(simulation->name), "%s", schema->name);
    for (int n = random_below(2) ? 3 : MAX_MEMBERS; n; n--) {
        struct node *node = &simulation->nodes[simulation->n];

        node_init(simulation, node);
        servers_add(&servers, node->id, node->address);
    }
    buf_printf(&data, "[%s,{}]", schema->json->data);
    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];
        struct buf text = {0};
        const struct file_header header = {
            .server_id = node->id,
            .cluster_id = (struct uuid){1, 2},
            .local_address = node->address,
            .name = schema->name,
            .prev_term = 1,
            .prev_index = 1,
            .prev_servers = servers,
            .prev_data = buf_slice(&data),
            .prev_eid = (struct uuid){3, 4},
        };

        file_header_put(&text, &header);
        disk_put(node, &text, true);
        node->n_durable = 1;
        node_start(node);
    }
    servers_done(&servers);
    buf_done(&data);
}

static void simulation_done(struct simulation *simulation)
{
    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];

        node_stop(node);
        disk_truncate(node, 0);
        free(node->disk);
        free(node->writes);
        free(node->seen);
        for (size_t j = 0; j < simulation->n; j++) {
            drop_packets(simulation, i, j);
        }
    }
    for (size_t i = 0; i < simulation->n_transactions; i++) {
        free(simulation->transactions[i]);
    }
    free(simulation);
}

static void simulate(unsigned seed, bool is_verbose)
{
    struct simulation *simulation = NEW(struct simulation);
    bool is_quiet = false;

    srandom(seed);
    uuid_state = 0;
    simulation_start(simulation);
    while (simulation->now < FAULTY_MS) {
        simulation_turn(simulation, true);
    }
    memset(simulation->is_cut, 0, sizeof(simulation->is_cut));
    for (size_t i = 0; i < simulation->n; i++) {
        simulation->nodes[i].has_full_disk = false;
        if (!simulation->nodes[i].member) {
            node_start(&simulation->nodes[i]);
        }
    }
    while (simulation->now < FAULTY_MS + QUIET_MS) {
        simulation_turn(simulation, false);
    }
    while (!is_quiet) { // without further transactions
        simulation->now += 5;
        deliver(simulation);
        is_quiet = simulation->now > FAULTY_MS + QUIET_MS + SETTLING_MS;
        for (size_t i = 0; i < simulation->n; i++) {
            node_turn(&simulation->nodes[i]);
            node_recover(&simulation->nodes[i]);
        }
    }
    check_end(simulation);
    if (is_verbose) {
        print_message(
            "seed %u: %zu members, %zu transactions, %u acknowledged, %u lost, "
            "%u withdrawals, %u crashes, %u snapshots, %u installed, %u kicked, %u left, "
            "%u conversions, %u timers\n",
            seed, simulation->n, simulation->n_transactions, simulation->n_acknowledged,
            simulation->n_lost, simulation->n_withdrawn, simulation->n_crashes,
            simulation->n_snapshots, simulation->n_installed, simulation->n_kicked,
            simulation->n_left, simulation->n_conversions, simulation->n_timers);
    }
    simulation_done(simulation);
}

static unsigned first_seed = 1, n_seeds = 80, running_seed;

static void test_random(void **state)
{
    for (running_seed = first_seed; running_seed < first_seed + n_seeds; running_seed++) {
        simulate(running_seed, n_seeds <= 20);
    }
}

static int name_seed(void **state)
{
    printf("last seed: %u\n", running_seed);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_random, name_seed),
    };

    fixture_schema_path = argv[1];
    if (argc > 2) {
        first_seed = (unsigned)strtoul(argv[2], NULL, 10);
        n_seeds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
