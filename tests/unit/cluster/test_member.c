// SPDX-License-Identifier: Apache-2.0
// Clusters of members in one process, each with a database: random transactions at the leaders, a
// network that delays messages and breaks connections, disks that write late, that are full for a
// while, and that lose what they have not written when a member crashes, elections, transfers,
// snapshots. Everything follows from a seed. Checked:
//
// - an entry that is applied has the same transaction id at all members;
// - a transaction whose position has become durable is in the log at the end;
// - a member that restarts has what it had;
// - at the end, when the network works, all databases are equal.
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
    MAX_MEMBERS = 5,
    MAX_ENTRIES = 20000,
    FAULTY_MS = 10000,
    QUIET_MS = 5000, // without faults, at the end
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
    bool is_full; // the disk: what is written synchronously fails, the rest is late
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
    size_t n;
    struct node nodes[MAX_MEMBERS];
    struct list packets; // in the order of sending
    bool is_cut[MAX_MEMBERS][MAX_MEMBERS];
    uint64_t last_due[MAX_MEMBERS][MAX_MEMBERS];
    struct uuid applied[MAX_ENTRIES]; // by index: the transaction id
    struct transaction *transactions[MAX_ENTRIES];
    size_t n_transactions;
    unsigned n_acknowledged, n_lost, n_snapshots, n_installed, n_withdrawn, n_crashes, n_refused;
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

// Writes a new file that begins with this header; `with_entries`: the entries of the log that it does
// not contain follow.
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

    if (node->is_full) {
        node->simulation->n_refused++;
        return false;
    }
    put_records(node, records, n);
    node->n_durable = node->n_disk;
    return true;
}

static bool on_install(void *userdata, struct file_header *header, uint64_t term, struct uuid vote)
{
    struct node *node = userdata;

    if (node->is_full) {
        header->prev_data = SLICE_EMPTY;
        file_header_done(header);
        node->simulation->n_refused++;
        return false;
    }
    replace_file(node, header, term, vote, false);
    header->prev_data = SLICE_EMPTY;
    file_header_done(header);
    node->simulation->n_installed++;
    return true;
}

static bool on_send(void *userdata, struct uuid to, const struct wire_message *message)
{
    struct node *node = userdata;
    struct simulation *simulation = node->simulation;
    struct node *other = find_node(simulation, to);
    struct packet *packet;
    uint64_t *last;

    if (!other || simulation->is_cut[node->number][other->number]) {
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

    node->db = *ret = build(data, txn_id);
    db_set_log(node->db, member_commit_log(node->member));
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

    assert_null(entry_data_decode(node->log->header.prev_data, &data));
    node->db = build(&data, node->log->header.prev_eid);
    for (uint64_t i = node->log->header.prev_index + 1; i <= node->log->commit_index; i++) {
        entry = member_log_entry(node->log, i);
        if (entry->data.data) {
            assert_null(entry_data_decode(entry->data, &data));
            assert_null(record_apply(node->db, data.transaction));
            db_tail(node->db)->txn_id = entry->eid;
        }
    }
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
    member_start(node->member, node->simulation->now);
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

    if (!random_transaction(node->db) || simulation->n_transactions == MAX_ENTRIES) {
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
    const struct log_entry *entry;
    uint64_t index, term, log_term = node->log->term;
    struct uuid vote = node->log->vote;

    member_status(node->member, node->simulation->now, &status);
    index = status.applied_index;
    if (node->is_full || index <= node->log->header.prev_index || status.state == MEMBER_FAILED ||
        !position_is_durable(db_last_position(node->db))) {
        return;
    }
    term = member_log_entry(node->log, index)->term;
    header = (struct file_header){
        .server_id = node->id,
        .cluster_id = node->log->header.cluster_id,
        .local_address = xstrdup(node->address),
        .name = xstrdup(node->log->header.name),
        .prev_term = term,
        .prev_index = index,
        .prev_eid = node->log->header.prev_eid,
    };
    for (uint64_t i = node->log->header.prev_index + 1; i <= index; i++) {
        entry = member_log_entry(node->log, i);
        header.prev_eid = entry->data.data ? entry->eid : header.prev_eid;
    }
    for (size_t i = 0; i < member_servers(node->member)->n; i++) {
        const struct cluster_server *server = &member_servers(node->member)->list[i];

        servers_add(&header.prev_servers, server->id, server->address);
    }
    buf_puts(&data, "[");
    buf_put_slice(&data, text_slice(db_schema(node->db)->json));
    buf_puts(&data, ",");
    encode_snapshot(&data, node->db, NULL, 1700000000000);
    buf_puts(&data, "]");
    header.prev_data = buf_slice(&data);
    replace_file(node, &header, log_term, vote, true);
    header.prev_data = SLICE_EMPTY;
    file_header_done(&header);
    buf_done(&data);
    node->simulation->n_snapshots++;
    member_compacted(node->member, node->simulation->now, index, term, 0);
}

// The checks

static void check_applied(struct node *node)
{
    struct simulation *simulation = node->simulation;
    uint64_t applied = member_applied_index(node->member);

    for (uint64_t i = MAX(node->log->header.prev_index + 1, applied > 50 ? applied - 50 : 1);
         i <= applied; i++) {
        const struct log_entry *entry = member_log_entry(node->log, i);
        struct uuid id = entry->data.data ? entry->eid : UUID_ZERO;

        assert_true(i < MAX_ENTRIES);
        if (!uuid_is_zero(id)) {
            assert_true(uuid_is_zero(simulation->applied[i]) ||
                        uuid_equals(simulation->applied[i], id));
            simulation->applied[i] = id;
        }
    }
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

static void check_end(struct simulation *simulation)
{
    _cleanup_buf_ struct buf first = {0};
    size_t n_leaders = 0;

    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];
        _cleanup_buf_ struct buf rows = {0};

        n_leaders += leads(node);
        fixture_check(node->db);
        encode_snapshot(i ? &rows : &first, node->db, NULL, 0);
        if (i) {
            assert_string_equal(buf_cstr(&rows), buf_cstr(&first));
        }
        assert_int_equal(member_applied_index(node->member),
                         member_applied_index(simulation->nodes[0].member));
    }
    assert_int_equal(n_leaders, 1);
    for (size_t i = 0; i < simulation->n_transactions; i++) {
        const struct transaction *transaction = simulation->transactions[i];

        assert_true(transaction->is_settled);
        if (transaction->is_acknowledged && !is_applied(simulation, transaction->id)) {
            fail_msg("acknowledged transaction %zu is lost", i);
        }
    }
}

// The run

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
            member_receive(node->member, simulation->now, simulation->nodes[packet->from].id,
                           &message);
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

    while (!node->is_full && n < node->n_writes && node->writes[n].due <= node->simulation->now) {
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
    check_applied(node);
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
    case 13:
        node->is_full = true;
        break;
    case 14:
    case 15:
        node->is_full = false;
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
        }
    }
}

static void simulation_start(struct simulation *simulation)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(fixture_schema_path);
    struct servers servers = {0};
    struct buf data = {0};

    list_init(&simulation->packets);
    simulation->n = random_below(2) ? 3 : MAX_MEMBERS;
    for (size_t i = 0; i < simulation->n; i++) {
        struct node *node = &simulation->nodes[i];

        node->simulation = simulation;
        node->number = i;
        node->id = next_uuid();
        snprintf(node->address, sizeof(node->address), "tcp:10.0.0.%zu:6643", i + 1);
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
        simulation->nodes[i].is_full = false;
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
        is_quiet = simulation->now > FAULTY_MS + QUIET_MS + 3000;
        for (size_t i = 0; i < simulation->n; i++) {
            node_turn(&simulation->nodes[i]);
        }
    }
    check_end(simulation);
    if (is_verbose) {
        print_message(
            "seed %u: %zu members, %zu transactions, %u acknowledged, %u lost, "
            "%u withdrawals, %u crashes, %u snapshots, %u installed, "
            "%u refused by a full disk\n",
            seed, simulation->n, simulation->n_transactions, simulation->n_acknowledged,
            simulation->n_lost, simulation->n_withdrawn, simulation->n_crashes,
            simulation->n_snapshots, simulation->n_installed, simulation->n_refused);
    }
    simulation_done(simulation);
}

static unsigned first_seed = 1, n_seeds = 3;

static void test_random(void **state)
{
    for (unsigned i = 0; i < n_seeds; i++) {
        simulate(first_seed + i, n_seeds <= 20);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };

    fixture_schema_path = argv[1];
    if (argc > 2) {
        first_seed = (unsigned)strtoul(argv[2], NULL, 10);
        n_seeds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
