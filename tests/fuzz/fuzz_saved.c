// SPDX-License-Identifier: Apache-2.0
// Restores [SERVER, SESSION, ...], the saved state of another process, into a server with one small
// database, saves the result, and ends the sessions.
#include "engine/check.h"
#include "session/saved.h"

#include "engine/txn.h"
#include "json/cursor.h"
#include "json/framer.h"

#define MAX_SIZE     ((size_t)1 << 20)
#define MAX_SESSIONS 4

static const char schema_text[] =
    "{\"name\":\"db\",\"version\":\"1.0.0\",\"tables\":{"
    "\"T\":{\"isRoot\":true,\"columns\":{"
    "\"i\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\",\"ephemeral\":true},"
    "\"m\":{\"type\":{\"key\":\"string\",\"value\":\"integer\",\"min\":0,\"max\":\"unlimited\"},"
    "\"ephemeral\":true},"
    "\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"T\",\"refType\":\"weak\"},\"min\":"
    "0,"
    "\"max\":\"unlimited\"},\"ephemeral\":true}}}}}";

static void on_send(void *userdata, struct slice text, struct position position)
{
}

static void on_send_shared(void *userdata, struct text *text, struct position position)
{
}

static size_t on_backlog(void *userdata)
{
    return 0;
}

static void on_hold(void *userdata, bool on)
{
}

static void on_close(void *userdata, const char *reason)
{
}

static const struct session_sink sink = {on_send, on_send_shared, on_backlog, on_hold, on_close};

static struct db *new_db(void)
{
    struct schema *schema;
    struct changeset *changes;
    uint64_t position;
    struct db *db;
    struct txn *txn;

    if (schema_from_text(SLICE(schema_text), &schema)) {
        abort();
    }
    db = db_new(schema, uuid_random);
    txn = txn_new(db);
    for (uint64_t i = 1; i <= 2; i++) {
        txn_insert(txn, &schema->tables[0], (struct uuid){0, i});
    }
    if (txn_commit(txn, false, &changes, &position)) {
        abort();
    }
    txn_free(txn);
    schema_unref(schema);
    return db;
}

static void restore(struct server *server, struct slice saved)
{
    struct session *sessions[MAX_SESSIONS] = {NULL};
    struct slice parts[1 + MAX_SESSIONS];
    size_t n = json_cut(saved, parts, 1 + MAX_SESSIONS);
    _cleanup_buf_ struct buf again = {0};

    if (!n) {
        return;
    }
    server_restore(server, parts[0], true);
    for (size_t i = 0; i < MAX_SESSIONS && i + 1 < n; i++) {
        sessions[i] = session_new(server, &sink, NULL, &(struct session_options){.name = "fuzz"});
        session_restore(sessions[i], parts[1 + i]);
    }
    server_end_restore(server);
    server_run(server, USEC_PER_SEC);
    server_settle(server, USEC_PER_SEC);
    server_save(server, &again);
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        if (sessions[i]) {
            session_save(sessions[i], &again);
        }
        session_free(sessions[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct server *server;
    struct db *db;

    if (framer_check(text, MAX_SIZE, &text, NULL)) {
        return 0;
    }
    db_set_structure_checks(true);
    server = server_new(uuid_random);
    db = new_db();
    server_add_db(server, db);
    restore(server, text);
    server_remove_db(server, db);
    db_free(db);
    server_free(server);
    return 0;
}
