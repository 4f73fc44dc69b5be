// SPDX-License-Identifier: Apache-2.0
#include "member_nodes.h"

#include "../engine/random_transaction.h"

#include "engine/undo.h"
#include "store/apply_record.h"
#include "store/encode.h"

#include <stdlib.h>

uint64_t uuid_state;

static struct uuid next_uuid(void)
{
    uuid_state++;
    return (struct uuid){uuid_state << 32 | 0x4000, 0x8000000000000000u | uuid_state};
}

struct node *node_find(struct simulation *simulation, struct uuid id)
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

void node_check_seen(const struct node *node)
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

void node_put(struct node *node, struct buf *text, bool is_header)
{
    GROW(node->disk, node->n_disk, node->disk_capacity);
    node->disk[node->n_disk++] = (struct written){xstrdup(buf_cstr(text)), is_header};
    buf_done(text);
}

void node_truncate(struct node *node, size_t n)
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
        node_put(node, &text, false);
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

void node_replace_file(struct node *node, const struct file_header *header, uint64_t term,
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
    node_truncate(node, 0);
    node->log = log_of_header(buf_cstr(&text));
    node_put(node, &text, true);
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
        node_replace_file(node, header, term, vote, false);
        node->simulation->n_installed++;
    }
    header->prev_data = SLICE_EMPTY;
    file_header_done(header);
    return !node->has_full_disk;
}

static bool node_send(struct node *node, struct node *other, const struct wire_message *message)
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
        return node_send(node, node_find(simulation, to), message);
    }
    for (size_t i = 0; i < simulation->n; i++) {
        node_send(node, &simulation->nodes[i], message);
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
                db_tail(node->db)->txn_id = entry->eid;
            }
        }
    }
}

void node_init(struct simulation *simulation, struct node *node)
{
    node->simulation = simulation;
    node->number = simulation->n++;
    node->id = next_uuid();
    node->observer.committed = on_seen;
    node->observer.withdrawn = on_withdrawn;
    snprintf(node->address, sizeof(node->address), "tcp:10.0.0.%zu:6643", node->number + 1);
}

void node_start(struct node *node)
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

void packets_drop(struct simulation *simulation, size_t from, size_t to)
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

void node_stop(struct node *node)
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

void node_crash(struct node *node)
{
    struct simulation *simulation = node->simulation;

    simulation->n_crashes++;
    node_stop(node);
    node_truncate(node, node->n_durable +
                            (size_t)random_below((int)(node->n_disk - node->n_durable + 1)));
    node->n_durable = node->n_disk;
    for (size_t i = 0; i < simulation->n; i++) {
        packets_drop(simulation, node->number, i);
        packets_drop(simulation, i, node->number);
    }
}
