// SPDX-License-Identifier: Apache-2.0
// A source with one replica, on a connection whose other end is the test.
#pragma once

#include "replication/source.h"

#include "engine/txn.h"
#include "schema_file.h"
#include "json/emit.h"
#include "json/framer.h"

#define ROW1 "11111111-1111-1111-1111-111111111111"
#define ROW2 "22222222-2222-2222-2222-222222222222"
#define ROW3 "33333333-3333-3333-3333-333333333333"

struct fixture {
    char *schema_text;
    struct schema *schema;
    struct db *db;
    struct exclude exclude;
    struct source *source;
    struct replica *replica;
    struct buf sent;
    char *reason; // why it gave up
    bool is_self;
    unsigned n_retries; // how often a retry was requested
    struct uuid txn_id; // of the last call of applying()
};

static inline void on_send(void *userdata, struct slice text)
{
    struct fixture *f = userdata;

    buf_put_slice(&f->sent, text);
    buf_putc(&f->sent, '\n');
}

static inline struct db *on_find_db(void *userdata)
{
    struct fixture *f = userdata;

    return f->db;
}

static inline void on_give_up(void *userdata, const char *reason)
{
    struct fixture *f = userdata;

    assert_null(f->reason);
    f->reason = xstrdup(reason);
}

static inline void on_is_self(void *userdata)
{
    struct fixture *f = userdata;

    f->is_self = true;
}

static inline void on_retry(void *userdata)
{
    struct fixture *f = userdata;

    f->n_retries++;
}

static const struct source_handler source_handler = {on_send, on_give_up, on_is_self, on_retry};
static inline void on_applying(void *userdata, struct uuid txn_id)
{
    struct fixture *f = userdata;

    f->txn_id = txn_id;
}

static const struct replica_handler replica_handler = {.db = on_find_db, .applying = on_applying};

static inline void connect_again(struct fixture *f)
{
    source_disconnected(f->source);
    buf_clear(&f->sent);
    source_connected(f->source);
}

static inline bool is_replicating(const struct fixture *f)
{
    return replica_state(f->replica) == REPLICA_REPLICATING;
}

static inline int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    char *bad;

    f->schema_text = data_text("replication/db.ovsschema");
    f->schema = schema_of_text(f->schema_text);
    f->db = db_new(f->schema, uuid_random);
    assert_true(exclude_parse(&f->exclude, "db:X", &bad));
    f->source = source_new(&source_handler, f, (struct uuid){1, 2});
    f->replica = replica_new(&replica_handler, f, "db", &f->exclude);
    source_add(f->source, f->replica);
    source_connected(f->source);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    source_disconnected(f->source);
    source_remove(f->source, f->replica);
    replica_free(f->replica);
    source_free(f->source);
    exclude_done(&f->exclude);
    db_free(f->db);
    schema_unref(f->schema);
    free(f->schema_text);
    buf_done(&f->sent);
    free(f->reason);
    free(f);
    return 0;
}

// Checks the output since the last call, and passes an answer to the replica.
static inline void exchange(struct fixture *f, const char *expected, const char *answer)
{
    assert_string_equal(buf_cstr(&f->sent), expected);
    buf_clear(&f->sent);
    assert_null(framer_check(slice_of(answer), SIZE_MAX, NULL, NULL));
    source_receive(f->source, slice_of(answer));
}

#define ZERO "00000000-0000-0000-0000-000000000000"
#define REQUEST(id, method, last)                                                                  \
    "{\"id\":" id ",\"method\":\"" method                                                          \
    "\",\"params\":[\"db\",\"db\",{\"T\":[{\"columns\":[\"n\"]}]}" last "]}\n"
#define REFUSED(id) "{\"id\":" id ",\"error\":\"unknown method\",\"result\":null}"
// The request for the contents, the fourth to a source with _Server and the sixth to an older one.
#define SINCE(txn)     REQUEST("4", "monitor_cond_since", ",\"" txn "\"")
#define OLD_SINCE(txn) REQUEST("6", "monitor_cond_since", ",\"" txn "\"")

#define FIRST_REQUESTS                                                                             \
    "{\"id\":1,\"method\":\"get_server_id\",\"params\":[]}\n"                                      \
    "{\"id\":2,\"method\":\"set_db_change_aware\",\"params\":[true]}\n"                            \
    "{\"id\":3,\"method\":\"monitor\",\"params\":[\"_Server\",\"_Server\",{\"Database\":[{"        \
    "\"columns\":[\"name\",\"schema\",\"connected\",\"cid\",\"index\"]}]}]}\n"

// The row of "db" in _Server.
static inline char *server_row(const char *schema, const char *connected)
{
    _cleanup_buf_ struct buf quoted = {0};

    if (schema) {
        emit_string(&quoted, slice_of(schema));
    } else {
        buf_puts(&quoted, "[\"set\",[]]");
    }
    return xasprintf("{\"Database\":{\"" ROW2
                     "\":{\"new\":{\"name\":\"db\",\"schema\":%s,"
                     "\"connected\":%s}}}}",
                     buf_cstr(&quoted), connected);
}

// Replies to the monitor of _Server, or sends an update of it.
static inline void send_server_row(struct fixture *f, bool is_update, const char *schema,
                                   const char *connected)
{
    _cleanup_free_ char *row = server_row(schema, connected);
    _cleanup_free_ char *message =
        xasprintf(is_update ? "{\"id\":null,\"method\":\"update\",\"params\":[\"_Server\",%s]}"
                            : "{\"id\":3,\"error\":null,\"result\":%s}",
                  row);

    assert_null(framer_check(slice_of(message), SIZE_MAX, NULL, NULL));
    source_receive(f->source, slice_of(message));
}

// Up to the request for the contents, which is not read yet.
static inline void begin(struct fixture *f)
{
    exchange(f, FIRST_REQUESTS, "{\"id\":1,\"error\":null,\"result\":\"" ROW1 "\"}");
    exchange(f, "", "{\"id\":2,\"error\":null,\"result\":{}}");
    assert_false(source_is_usable(f->source));
    send_server_row(f, false, f->schema_text, "true");
    assert_true(source_is_usable(f->source));
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
}

// The same with a source that has no _Server.
static inline void begin_old(struct fixture *f)
{
    _cleanup_free_ char *schema =
        xasprintf("{\"id\":5,\"error\":null,\"result\":%s}", f->schema_text);

    exchange(f, FIRST_REQUESTS, REFUSED("1"));
    exchange(f, "", REFUSED("2"));
    exchange(f, "", REFUSED("3"));
    exchange(f, "{\"id\":4,\"method\":\"list_dbs\",\"params\":[]}\n",
             "{\"id\":4,\"error\":null,\"result\":[\"other\",\"db\"]}");
    exchange(f, "{\"id\":5,\"method\":\"get_schema\",\"params\":[\"db\"]}\n", schema);
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
}

// With a source that knows the methods of the RFC only.
static inline void begin_monitor(struct fixture *f, const char *contents)
{
    _cleanup_free_ char *answer = xasprintf("{\"id\":8,\"error\":null,\"result\":%s}", contents);

    begin_old(f);
    exchange(f, OLD_SINCE(ZERO), REFUSED("6"));
    exchange(f, REQUEST("7", "monitor_cond", ""), REFUSED("7"));
    exchange(f, REQUEST("8", "monitor", ""), answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
