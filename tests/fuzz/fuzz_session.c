// SPDX-License-Identifier: Apache-2.0
// Passes bytes of a client through the framer to a session of a server with one small database. A
// second client monitors everything, and does not read during the first half, so that changes are
// coalesced. Messages that begin with a line feed come from a third client, which has a role.
#include "engine/check.h"
#include "session/internal.h"
#include "json/framer.h"

#include <stdint.h>

#define MAX_MESSAGE 65536

static const char schema_text[] =
    "{\"name\":\"db\",\"version\":\"1.0.0\",\"tables\":{"
    "\"T\":{\"isRoot\":true,\"columns\":{"
    "\"i\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\"},"
    "\"m\":{\"type\":{\"key\":\"string\",\"value\":\"integer\",\"min\":0,\"max\":\"unlimited\"}},"
    "\"u\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"R\"},\"min\":0,\"max\":"
    "\"unlimited\"}}},"
    "\"indexes\":[[\"i\"]]},"
    "\"R\":{\"columns\":{\"r\":{\"type\":\"real\"}}},"
    "\"RBAC_Role\":{\"isRoot\":true,\"columns\":{\"name\":{\"type\":\"string\"},"
    "\"permissions\":{\"type\":{\"key\":\"string\",\"value\":{\"type\":\"uuid\","
    "\"refTable\":\"RBAC_Permission\",\"refType\":\"weak\"},\"min\":0,\"max\":\"unlimited\"}}}},"
    "\"RBAC_Permission\":{\"isRoot\":true,\"columns\":{\"name\":{\"type\":\"string\"},"
    "\"authorization\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}},"
    "\"insert_delete\":{\"type\":\"boolean\"},"
    "\"update\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}}}}}}";

static size_t watcher_backlog;

static void on_send(void *userdata, struct slice text, struct position position)
{
    // Reads every byte, for the sanitizers.
    volatile char byte = 0;

    for (size_t i = 0; i < text.size; i++) {
        byte ^= text.data[i];
    }
    (void)byte;
}

static void on_send_shared(void *userdata, struct text *text, struct position position)
{
    on_send(userdata, text_slice(text), position);
}

static size_t on_backlog(void *userdata)
{
    return *(const size_t *)userdata;
}

static bool is_held;

static void on_hold(void *userdata, bool on)
{
    is_held = on;
}

static void on_close(void *userdata, const char *reason)
{
}

// The conversion goes on until the database is removed.
static void on_convert(void *userdata, struct db *db, struct schema *schema)
{
}

static const struct session_sink sink = {on_send, on_send_shared, on_backlog, on_hold, on_close};

static void feed(struct server *server, struct session *session, struct session *restricted,
                 struct session *watcher, const char *data, size_t size)
{
    struct framer framer;
    usec_t now = 0;

    framer_init(&framer, MAX_MESSAGE);
    for (size_t at = 0, start = 0; at < size;) {
        size_t consumed;
        enum framer_status status = framer_feed(&framer, data + at, size - at, &consumed);

        at += consumed;
        if (status == FRAMER_ERROR) {
            return;
        }
        if (status == FRAMER_DONE) {
            session_receive(data[start] == '\n' ? restricted : session,
                            (struct slice){data + start, at - start}, now);
            start = at;
            now += USEC_PER_SEC;
            do {
                server_run(server, now);
            } while (is_held);
            server_check_structures(server);
        }
        if (at > size / 2 && watcher_backlog) {
            watcher_backlog = 0;
            session_output_drained(watcher);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t no_backlog;
    struct server *server = server_new(uuid_random);
    struct session *session, *restricted, *watcher;
    struct schema *schema;
    struct db *db;

    if (schema_from_text(SLICE(schema_text), &schema)) {
        abort();
    }
    db_set_structure_checks(true);
    db = db_new(schema, uuid_random);
    schema_unref(schema);
    server_add_db(server, db);
    server_set_converter(server, &(struct server_converter){.convert = on_convert});
    watcher_backlog = 0;
    session = session_new(server, &sink, &no_backlog, &(struct session_options){.name = "fuzz"});
    restricted =
        session_new(server, &sink, &no_backlog,
                    &(struct session_options){.name = "restricted", .role = "r", .client_id = "c"});
    watcher =
        session_new(server, &sink, &watcher_backlog, &(struct session_options){.name = "watcher"});
    session_receive(watcher,
                    SLICE("{\"id\":1,\"method\":\"monitor\",\"params\":[\"db\",1,"
                          "{\"T\":{},\"R\":{}}]}"),
                    0);
    session_receive(watcher, SLICE("{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}"), 0);
    watcher_backlog = (size_t)2 << 20;
    feed(server, session, restricted, watcher, (const char *)data, size);
    while (server_run(server, USEC_INFINITY - 1)) {
    }
    session_free(session);
    session_free(restricted);
    session_free(watcher);
    server_remove_db(server, db);
    db_free(db);
    server_free(server);
    return 0;
}
