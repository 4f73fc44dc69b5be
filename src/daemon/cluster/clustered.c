// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/clusters_private.h"

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/cluster/events.h"
#include "daemon/startup.h"
#include "session/server.h"
#include "store/apply_record.h"
#include "store/encode.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(cluster);

#define SHOW_INDEX_MS 1000 // how often _Server shows a new index
#define TICK_MS       1000 // retries of blocked writes

uint64_t clustered_now(void)
{
    return clock_monotonic() / USEC_PER_MSEC;
}

bool clustered_leads(const struct clustered *clustered)
{
    struct member_status status;

    member_status(clustered->member, clustered_now(), &status);
    return status.is_ready;
}

const char *clustered_failure(const struct clustered *clustered)
{
    struct member_status status;

    member_status(clustered->member, clustered_now(), &status);
    return status.failure;
}

// The state of the database

static void update_servers(struct clustered *clustered)
{
    const struct servers *servers = member_servers(clustered->member);

    if (!servers_equal(servers, &clustered->servers)) {
        cluster_report_servers(clustered, servers);
        servers_done(&clustered->servers);
        clustered->servers = servers_copy(servers);
        peers_set_servers(clustered->peers, &clustered->servers);
    }
}

// Whether the server executes requests, forwards them, or lets them wait.
static void update_forwarding(struct clustered *clustered, const struct member_status *status)
{
    struct server *server = clustered->clusters->server;
    bool forwards = !status->is_ready;

    if (forwards != clustered->forwards) {
        clustered->forwards = forwards;
        server_set_forwarder(server, clustered->db, forwards ? &clustered_forwarder : NULL,
                             clustered);
    }
    if (forwards) {
        server_set_source_ready(server, clustered->db,
                                status->state == MEMBER_FOLLOWING && clustered->has_schema &&
                                    peers_is_connected(clustered->peers, status->leader));
    }
}

void clustered_show_state(struct clustered *clustered)
{
    uint64_t now = clustered_now();
    const struct file_header *header = &cluster_log_contents(clustered->log)->header;
    struct member_status status;
    struct db_state state;

    if (!clustered->db || !clustered->is_started) {
        return;
    }
    member_status(clustered->member, now, &status);
    if (now >= clustered->shown_at + SHOW_INDEX_MS) {
        clustered->shown_index = status.applied_index;
        clustered->shown_at = now;
    }
    state = (struct db_state){
        .is_connected = status.is_connected,
        .is_leader = status.is_ready,
        .has_schema = clustered->has_schema,
        .cid = header->cluster_id,
        .sid = header->server_id,
        .index = clustered->shown_index,
    };
    update_servers(clustered);
    cluster_report_state(clustered, &status);
    requests_update(clustered, status.leader, status.applied_index);
    update_forwarding(clustered, &status);
    server_set_state(clustered->clusters->server, clustered->db, &state);
    clusters_check_handed_over(clustered->clusters);
}

// Time

static int on_timer(sd_event_source *timer, usec_t when, void *userdata)
{
    struct clustered *clustered = userdata;

    clustered->timer_set = UINT64_MAX;
    member_timeout(clustered->member, clustered_now());
    cluster_log_retry(clustered->log);
    clustered_show_state(clustered);
    return 0;
}

void clustered_set_timer(struct clustered *clustered)
{
    uint64_t deadline = MIN(member_deadline(clustered->member), clustered_now() + TICK_MS);

    if (deadline >= clustered->timer_set && deadline < clustered->timer_set + TICK_MS) {
        return;
    }
    clustered->timer_set = deadline;
    sd_event_source_set_time(clustered->timer, deadline * USEC_PER_MSEC);
    sd_event_source_set_enabled(clustered->timer, SD_EVENT_ONESHOT);
}

// What the member needs

static const struct member_log *on_log(void *userdata)
{
    const struct clustered *clustered = userdata;

    return cluster_log_contents(clustered->log);
}

static void on_write(void *userdata, const struct file_record *records, size_t n)
{
    struct clustered *clustered = userdata;

    cluster_log_append(clustered->log, records, n);
}

static bool on_write_synced(void *userdata, const struct file_record *records, size_t n)
{
    struct clustered *clustered = userdata;

    return cluster_log_append_synced(clustered->log, records, n);
}

static bool on_install(void *userdata, struct file_header *header, uint64_t term, struct uuid vote)
{
    struct clustered *clustered = userdata;
    struct ovsdb_error *error;

    snapshots_stop(clustered, "the leader has sent its own");
    error = cluster_log_install(clustered->log, header, term, vote);

    if (error) {
        _cleanup_free_ char *text = error_text(error);

        log_err("%s: a snapshot cannot be installed: %s", clustered->path, text);
        error_free(error);
        return false;
    }
    cluster_event_snapshot_installed(clustered->name,
                                     cluster_log_contents(clustered->log)->header.prev_index);
    return true;
}

static const char *address_of(const struct clustered *clustered, struct uuid id)
{
    struct peer_state peer;
    size_t state = 0;

    while (peers_next(clustered->peers, &state, &peer)) {
        if (uuid_equals(peer.id, id)) {
            return peer.address;
        }
    }
    return NULL;
}

static bool send_to_all(struct clustered *clustered, const struct wire_message *message)
{
    struct peer_state peer;
    size_t state = 0;
    bool is_sent = false;

    while (peers_next(clustered->peers, &state, &peer)) {
        if (!uuid_is_zero(peer.id)) {
            is_sent = peers_send(clustered->peers, peer.id, message) || is_sent;
        }
    }
    return is_sent;
}

static bool on_send(void *userdata, struct uuid to, const struct wire_message *message)
{
    struct clustered *clustered = userdata;
    clustered->n_sent++;
    if (message->kind == WIRE_SNAPSHOT) {
        const char *address = address_of(clustered, to);
        struct event_server event = {.id = to, .address = address ? address : "unknown"};

        cluster_event_snapshot_sent(clustered->name, &event, message->snapshot.size);
    }
    return uuid_is_zero(to) ? send_to_all(clustered, message) // the leader is not known
                            : peers_send(clustered->peers, to, message);
}

static size_t on_backlog(void *userdata, struct uuid to)
{
    const struct clustered *clustered = userdata;

    return peers_backlog(clustered->peers, to);
}

static bool on_encode(void *userdata, const struct changeset *changes, struct buf *buf)
{
    return encode_changes(buf, changes, true, clock_realtime() / USEC_PER_MSEC);
}

static struct ovsdb_error *on_apply(void *userdata, struct slice record)
{
    const struct clustered *clustered = userdata;

    return record_apply(clustered->db, record);
}

static struct ovsdb_error *build(const struct entry_data *data, struct uuid txn_id, struct db **ret)
{
    _cleanup_schema_ struct schema *schema = NULL;
    struct decode_position position = {0};
    _cleanup_buf_ struct buf scratch = {0};
    struct ovsdb_error *error = schema_from_text(data->schema, &schema);
    struct record_info info;
    struct db *db;

    if (error) {
        return error;
    }
    db = db_new(schema, uuid_random);
    if (data->transaction.data) {
        error = decode_record(db, data->transaction, &position, &scratch, &info);
    }
    if (!error) {
        error = db_load_finish(db, NULL);
    }
    if (error) {
        db_free(db);
        return error;
    }
    db_set_last_txn_id(db, txn_id);
    *ret = db;
    return NULL;
}

static struct ovsdb_error *on_replace(void *userdata, const struct entry_data *data,
                                      struct uuid txn_id, struct db **ret)
{
    struct clustered *clustered = userdata;
    struct ovsdb_error *error = build(data, txn_id, ret);

    if (!error) {
        snapshots_stop(clustered, "the database is replaced");
        db_set_log(*ret, member_commit_log(clustered->member));
        clustered->db = *ret;
        clustered->has_schema = true;
        if (clustered->is_converting) {
            clustered->is_converting = false;
            databases_converted_copy(clustered->clusters->databases, *ret);
        } else {
            databases_replace_copy(clustered->clusters->databases, *ret);
        }
    }
    return error;
}

// The leadership is lost before a conversion of a client was applied. Its entry may still be
// committed.
static void end_conversion(struct clustered *clustered)
{
    _cleanup_error_ struct ovsdb_error *error = NULL;

    error_free(TAKE_PTR(clustered->conversion_error));
    if (clustered->is_converting) {
        clustered->is_converting = false;
        error = error_new(ERROR_CONNECTION_LOST,
                          "this server does not lead the cluster any more: "
                          "it is not known whether the database is "
                          "converted");
        server_converted(clustered->clusters->server, clustered->db, clustered->db, error);
    }
}

static void on_withdraw(void *userdata, struct changeset *last)
{
    struct clustered *clustered = userdata;

    snapshots_stop(clustered, "this server does not lead the cluster any more");
    end_conversion(clustered);
    server_undo(clustered->clusters->server, clustered->db, last);
}

static void on_changed(void *userdata)
{
    struct clustered *clustered = userdata;

    if (!clustered_leads(clustered)) {
        end_conversion(clustered);
    }
    clustered_show_state(clustered);
}

static void on_client(void *userdata, struct uuid from, const struct wire_message *message)
{
    requests_receive(userdata, from, message);
}

static const struct member_handler member_handler = {
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

// What the disk and the peers report

static void on_durable(void *userdata, size_t n)
{
    struct clustered *clustered = userdata;

    member_persisted(clustered->member, clustered_now(), n);
}

static void on_log_failed(void *userdata, const char *reason)
{
    struct clustered *clustered = userdata;

    member_fail(clustered->member, reason);
}

static void on_log_blocked(void *userdata, bool is_blocked, int error)
{
    const struct clustered *clustered = userdata;

    if (is_blocked) {
        log_err("%s: cannot be written: %s; entries are kept in memory until it can",
                clustered->path, strerror(error));
    } else {
        log_info("%s: can be written again", clustered->path);
    }
}

static const struct cluster_log_handler log_handler = {on_durable, on_log_failed, on_log_blocked};

static void on_join_result(struct clustered *clustered, struct uuid from,
                           const struct wire_message *message)
{
    const struct wire_join_result *result = &message->join_result;

    member_receive(clustered->member, clustered_now(), from, message);
    if (result->leader) {
        peers_dial(clustered->peers, &result->leader, 1);
    } else if (!result->is_accepted && result->reason) {
        log_info("%s: cannot join yet: %s", clustered->name, result->reason);
    }
}

static void on_message(void *userdata, struct uuid from, const struct wire_message *message)
{
    struct clustered *clustered = userdata;
    const char *address;

    clustered->n_received++;
    switch (message->kind) {
    case WIRE_JOIN:
        address = address_of(clustered, from);
        if (address) {
            member_add_server(clustered->member, clustered_now(), from, address);
        }
        break;
    case WIRE_JOIN_RESULT:
        on_join_result(clustered, from, message);
        break;
    default:
        member_receive(clustered->member, clustered_now(), from, message);
    }
}

static void on_connected(void *userdata, struct uuid peer, bool is_connected)
{
    struct clustered *clustered = userdata;
    const struct cluster_server *server = servers_find(&clustered->servers, peer);

    if (server) {
        struct event_server event = cluster_event_server(clustered, server);

        (is_connected ? cluster_event_member_back : cluster_event_member_lost)(clustered->name,
                                                                               &event);
    }
    requests_connected(clustered, peer, is_connected);
    clustered_show_state(clustered);
}

static void on_lost(void *userdata, struct uuid peer)
{
    struct clustered *clustered = userdata;

    member_lost(clustered->member, clustered_now(), peer);
    clustered_set_timer(clustered);
}

static void on_introduced(void *userdata, const struct wire_hello *hello)
{
    struct clustered *clustered = userdata;

    peers_set_cluster_id(clustered->peers, hello->cluster_id);
    member_ask_to_join(clustered->member, clustered_now(), hello->cluster_id);
}

static void on_drained(void *userdata, struct uuid peer)
{
    const struct clustered *clustered = userdata;

    member_drained(clustered->member, peer);
}

static const struct peers_handler peers_handler = {
    .message = on_message,
    .connected = on_connected,
    .lost = on_lost,
    .introduced = on_introduced,
    .drained = on_drained,
};

// Life

void clustered_free(struct clustered *clustered)
{
    list_remove(&clustered->node);
    clustered->db = NULL;
    snapshots_stop(clustered, "the database is not served any more");
    requests_done(clustered);
    sd_event_source_disable_unref(clustered->timer);
    peers_free(clustered->peers);
    net_free(clustered->net);
    if (clustered->is_started) {
        member_stop(clustered->member);
    }
    cluster_log_close(clustered->log);
    if (clustered->member) {
        positions_lose(&member_commit_log(clustered->member)->positions);
    }
    member_free(clustered->member);
    error_free(clustered->conversion_error);
    servers_done(&clustered->servers);
    free(clustered->members);
    free(clustered->connections);
    free(clustered->path);
    free(clustered->name);
    free(clustered);
}

static struct failure *failure_of(struct ovsdb_error *error, enum failure_kind kind)
{
    _cleanup_free_ char *text = error_text(error);

    error_free(error);
    return failure_new(kind, "%s", text);
}

// The database as of the last entry that is known to be committed.
static struct ovsdb_error *load_db(struct clustered *clustered, struct db **ret,
                                   uint64_t *ret_index)
{
    static const struct progress progress = {startup_progress, NULL};
    const struct member_log *contents = cluster_log_contents(clustered->log);
    _cleanup_schema_ struct schema *schema = databases_empty_schema(clustered->name);
    struct ovsdb_error *error = NULL;

    *ret_index = 0;
    if (!schema) {
        return error_new(ERROR_SYNTAX, "%s: \"%s\" is no name of a database", clustered->path,
                         clustered->name);
    }
    if (file_header_is_member(&contents->header)) {
        *ret_index = contents->commit_index;
        clustered->has_schema = true;
        error = cluster_log_build(clustered->log, *ret_index, &progress, ret);
    } else {
        *ret = db_new(schema, uuid_random);
    }
    return error;
}

// Makes the peers, which do not listen yet.
static void make_peers(struct clustered *clustered)
{
    const struct file_header *header = &cluster_log_contents(clustered->log)->header;
    const struct peers_settings settings = {
        .name = clustered->name,
        .cluster_id = header->cluster_id,
        .server_id = header->server_id,
        .local_address = header->local_address,
    };

    clustered->net = net_new(clustered->clusters->event, &peers_net_handler, NULL);
    net_share_tls(clustered->net, clustered->clusters->clients_net);
    clustered->peers = peers_new(clustered->net, &settings, &peers_handler, clustered);
    peers_set_accepts_others(clustered->peers, true);
}

static int add_timer(struct clustered *clustered)
{
    int r = sd_event_add_time(clustered->clusters->event, &clustered->timer, CLOCK_MONOTONIC, 0,
                              USEC_PER_MSEC, on_timer, clustered);

    if (r >= 0) {
        clustered->timer_set = UINT64_MAX;
        sd_event_source_set_description(clustered->timer, "cluster");
        r = sd_event_source_set_enabled(clustered->timer, SD_EVENT_OFF);
    }
    return r;
}

void clustered_start(struct clustered *clustered)
{
    const struct file_header *header = &cluster_log_contents(clustered->log)->header;
    _cleanup_failure_ struct failure *failure = peers_listen(clustered->peers);

    if (failure) {
        log_err("%s: %s", clustered->name, failure_text(failure));
    }
    clustered->is_started = true;
    peers_dial(clustered->peers, (const char *const *)header->remote_addresses,
               header->n_remote_addresses);
    member_start(clustered->member, clustered_now());
    clustered_show_state(clustered);
    clustered_set_timer(clustered);
}

static struct clustered *clustered_new(struct clusters *clusters, const char *path,
                                       struct cluster_log *log)
{
    struct clustered *clustered = NEW(struct clustered);

    clustered->clusters = clusters;
    clustered->log = log;
    clustered->path = xstrdup(path);
    clustered->name = xstrdup(cluster_log_contents(log)->header.name);
    list_push_back(&clusters->all, &clustered->node);
    requests_init(clustered);
    return clustered;
}

static struct failure *clustered_serve(struct clustered *clustered)
{
    struct clusters *clusters = clustered->clusters;
    const struct member_settings settings = {
        .new_uuid = uuid_random,
        .seed = (unsigned)uuid_random().lo,
    };
    struct db *db;
    uint64_t index;
    struct ovsdb_error *error = load_db(clustered, &db, &index);
    int r;

    if (error) {
        return failure_of(error, FAILURE_DAMAGED);
    }
    clustered->member = member_new(&settings, &member_handler, clustered, db, index);
    db_set_log(db, member_commit_log(clustered->member));
    cluster_log_join(clustered->log, clusters->group_commit, &log_handler, clustered);
    r = add_timer(clustered);
    if (r < 0) {
        db_free(db);
        return failure_from_errno(r, "%s: no timer can be made", clustered->path);
    }
    clustered->db = db;
    if (!databases_add_copy(clusters->databases, db, clustered->path, ROLE_CLUSTERED)) {
        clustered->db = NULL;
        db_free(db);
        return failure_new(FAILURE_BUSY, "ovsdb error: %s: duplicate database name",
                           clustered->name);
    }
    make_peers(clustered);
    clustered->forwards = true;
    server_set_forwarder(clusters->server, db, &clustered_forwarder, clustered);
    if (clusters->is_started) {
        clustered_start(clustered);
    }
    return NULL;
}

struct failure *clustered_add(void *userdata, const char *path)
{
    static const struct progress progress = {startup_progress, NULL};
    struct clusters *clusters = userdata;
    struct clustered *clustered;
    struct cluster_log *log;
    struct failure *failure;
    bool is_damaged;
    struct ovsdb_error *error = cluster_log_open(path, &progress, &log, &is_damaged);

    if (error) {
        return failure_of(error, is_damaged ? FAILURE_DAMAGED : FAILURE_INVALID);
    }
    clustered = clustered_new(clusters, path, log);
    failure = clustered_serve(clustered);
    if (failure) {
        clustered_free(clustered);
    }
    return failure;
}

// A client's conversion. Clusters have no ephemeral columns: their values are in no entry's data.
void clustered_convert(void *userdata, struct db *db, struct schema *schema)
{
    struct clusters *clusters = userdata;
    struct clustered *clustered = clusters_find(clusters, db_schema(db)->name);
    _cleanup_schema_ struct schema *persistent = schema_without_ephemeral(schema);
    _cleanup_buf_ struct buf data = {0};
    struct ovsdb_error *error;
    struct db *converted;

    assert(clustered && clustered->db == db);
    error = store_convert(db, persistent, NULL, &converted);
    if (!error) {
        buf_puts(&data, "[");
        buf_put_slice(&data, text_slice(persistent->json));
        buf_puts(&data, ",");
        encode_snapshot(&data, converted, "converted by ovsdbd", clock_realtime() / USEC_PER_MSEC);
        buf_puts(&data, "]");
        db_free(converted);
    }
    clustered->is_converting = true;
    if (!error && member_convert(clustered->member, clustered_now(), buf_slice(&data))) {
        error = error_new(ERROR_IO, "this server does not lead the cluster any more");
    }
    clustered->conversion_error = error; // reported by clusters_run(): not from within this call
}

void clustered_report_conversion(struct clustered *clustered)
{
    _cleanup_error_ struct ovsdb_error *error = TAKE_PTR(clustered->conversion_error);

    if (error) {
        clustered->is_converting = false;
        server_converted(clustered->clusters->server, clustered->db, clustered->db, error);
    }
}
