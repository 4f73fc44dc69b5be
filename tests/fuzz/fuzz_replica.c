// SPDX-License-Identifier: Apache-2.0
// Passes bytes of an active server through the framer to a replica of a small database with one
// row. The two lowest bits of the first byte select the beginning. 0: the input has all replies. 1,
// 2, 3: the fuzzer first sends valid replies, so that the replica is replicating by monitor,
// monitor_cond or monitor_cond_since. Messages of the replica must be valid JSON, and it must send
// none after it has failed.
#include "engine/check.h"
#include "replication/source.h"

#include "engine/txn.h"
#include "json/framer.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_MESSAGE 65536

#define SCHEMA                                                                                     \
    "{\"name\":\"db\",\"version\":\"1.0.0\",\"tables\":{\"T\":{\"isRoot\":true,\"maxRows\":3,"     \
    "\"columns\":{\"i\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\",\"ephemeral\":true},"    \
    "\"m\":{\"type\":{\"key\":\"string\",\"value\":\"real\",\"min\":0,\"max\":2}},"                \
    "\"u\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"R\"},\"min\":0,\"max\":"           \
    "\"unlimited\"}}},\"indexes\":[[\"i\"]]},\"R\":{\"columns\":{\"w\":{\"type\":{\"key\":{"       \
    "\"type\":\"uuid\",\"refTable\":\"T\",\"refType\":\"weak\"},\"min\":0,\"max\":1}}}},"          \
    "\"X\":{\"isRoot\":true,\"columns\":{\"b\":{\"type\":\"boolean\"}}}}}"

#define ROW "\"00000000-0000-0000-0000-000000000002\""

static const char *const opening[] = {
    "{\"id\":1,\"error\":null,\"result\":\"11111111-1111-1111-1111-111111111111\"}",
    "{\"id\":3,\"error\":\"unknown database\",\"result\":null}",
    "{\"id\":4,\"error\":null,\"result\":[\"db\"]}",
    "{\"id\":5,\"error\":null,\"result\":" SCHEMA "}",
};

#define CONTENTS(id, result) "{\"id\":" id ",\"error\":null,\"result\":" result "}"

// The reply to the best method that the active server supports: none, "monitor", "monitor_cond" or
// "monitor_cond_since".
static const char *const contents[] = {
    NULL,
    CONTENTS("8", "{\"T\":{" ROW ":{\"new\":{\"i\":1}}}}"),
    CONTENTS("7", "{\"T\":{" ROW ":{\"initial\":{\"i\":1}}}}"),
    CONTENTS("6", "[false," ROW ",{\"T\":{" ROW ":{\"initial\":{\"i\":1}}}}]"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct active {
    struct db *db;
    bool has_given_up;
};

static void on_send(void *userdata, struct slice text)
{
    const struct active *active = userdata;

    assert(!active->has_given_up && !framer_check(text, SIZE_MAX, NULL, NULL));
}

static struct db *on_find_db(void *userdata)
{
    const struct active *active = userdata;

    return active->db;
}

static void on_give_up(void *userdata, const char *reason)
{
    struct active *active = userdata;

    assert(!active->has_given_up && *reason);
    active->has_given_up = true;
}

static void on_is_self(void *userdata)
{
    struct active *active = userdata;

    assert(!active->has_given_up);
    active->has_given_up = true;
}

static struct db *new_db(void)
{
    struct changeset *changes;
    struct schema *schema;
    uint64_t position;
    struct txn *txn;
    struct db *db;

    if (schema_from_text(SLICE(SCHEMA), &schema)) {
        abort();
    }
    db_set_structure_checks(true);
    db = db_new(schema, uuid_random);
    txn = txn_new(db);
    txn_insert(txn, &schema->tables[0], (struct uuid){0, 1});
    if (txn_commit(txn, false, &changes, &position)) {
        abort();
    }
    txn_free(txn);
    schema_unref(schema);
    return db;
}

static void feed(struct source *source, const char *data, size_t size)
{
    struct framer framer;
    size_t at = 0;

    framer_init(&framer, MAX_MESSAGE);
    for (size_t start = 0; at < size;) {
        size_t consumed;
        enum framer_status status = framer_feed(&framer, data + at, size - at, &consumed);

        at += consumed;
        if (status == FRAMER_ERROR) {
            return;
        }
        if (status == FRAMER_DONE) {
            source_receive(source, (struct slice){data + start, at - start});
            start = at;
        }
    }
}

static void open_monitor(struct source *source, unsigned method)
{
    static const char *const refusals[] = {
        "{\"id\":6,\"error\":\"unknown\",\"result\":null}",
        "{\"id\":7,\"error\":\"unknown\",\"result\":null}",
    };

    for (unsigned i = 0; i < 3 - method; i++) {
        source_receive(source, slice_of(refusals[i]));
    }
    source_receive(source, slice_of(contents[method]));
}

static void on_retry(void *userdata)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct source_handler handler = {on_send, on_give_up, on_is_self, on_retry};
    static const struct replica_handler replica_handler = {.db = on_find_db};
    struct active active = {.db = new_db()};
    struct exclude exclude = {0};
    struct replica *replica;
    struct source *source;
    char *bad;

    if (!exclude_parse(&exclude, "db:X", &bad)) {
        abort();
    }
    source = source_new(&handler, &active, (struct uuid){1, 2});
    replica = replica_new(&replica_handler, &active, "db", &exclude);
    source_add(source, replica);
    source_connected(source);
    if (size && data[0] & 3) {
        for (size_t i = 0; i < ARRAY_SIZE(opening); i++) {
            source_receive(source, slice_of(opening[i]));
        }
        open_monitor(source, data[0] & 3u);
        assert(replica_state(replica) == REPLICA_REPLICATING);
    }
    if (size) {
        feed(source, (const char *)data + 1, size - 1);
        source_retry(source);
        feed(source, (const char *)data + 1, size - 1);
    }
    source_disconnected(source);
    source_remove(source, replica);
    replica_free(replica);
    source_free(source);
    exclude_done(&exclude);
    db_free(active.db);
    return 0;
}
