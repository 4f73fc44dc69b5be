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
#include "../engine/random_transaction.h"
#include "member_nodes.h"

#include "store/encode.h"

#include <stdlib.h>

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
    node_replace_file(node, &header, log_term, vote, true);
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
    node_put(node, &text, true);
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
    node_check_seen(node);
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
            print_message(" %zu", node_find((struct simulation *)simulation,
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

// The first packet that has arrived, or NULL.
static struct packet *next_packet(const struct simulation *simulation)
{
    struct packet *packet;

    LIST_FOREACH (packet, &simulation->packets, node) {
        if (packet->due <= simulation->now) {
            return packet;
        }
    }
    return NULL;
}

static void deliver(struct simulation *simulation)
{
    struct packet *packet;

    while ((packet = next_packet(simulation))) {
        struct node *node = &simulation->nodes[packet->to];
        struct wire_memory *memory = NULL;
        struct wire_message message;

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
    packets_drop(simulation, from, to);
}

// Cuts a member off from all others, or ends that.
static void isolate(struct simulation *simulation, struct node *node)
{
    bool on = !random_below(3);

    for (size_t i = 0; i < simulation->n; i++) {
        simulation->is_cut[node->number][i] = on;
        simulation->is_cut[i][node->number] = on;
        packets_drop(simulation, node->number, i);
        packets_drop(simulation, i, node->number);
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
        node_put(node, &text, true);
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
        node_truncate(node, 0);
        free(node->disk);
        free(node->writes);
        free(node->seen);
        for (size_t j = 0; j < simulation->n; j++) {
            packets_drop(simulation, i, j);
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
