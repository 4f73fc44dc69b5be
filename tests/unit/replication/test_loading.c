// SPDX-License-Identifier: Apache-2.0
// Large contents, which the test makes ready itself instead of another thread.
#include "replication/loading.h"

#include "engine/txn.h"
#include "replication/source.h"
#include "unit.h"
#include "json/emit.h"
#include "json/framer.h"

#include <inttypes.h>

#define SCHEMA                                                                                     \
    "{\"name\":\"db\",\"version\":\"1.0.0\",\"tables\":{\"T\":{\"columns\":{\"n\":{\"type\":"      \
    "\"integer\"},\"s\":{\"type\":\"string\"}},\"isRoot\":true},\"X\":{\"columns\":{\"n\":{"       \
    "\"type\":\"integer\"}},\"isRoot\":true}}}"
#define ID1 "11111111-1111-1111-1111-111111111111"
#define ID2 "22222222-2222-2222-2222-222222222222"
#define N   3000 // rows of about 80 bytes: more than what is applied at once

struct fixture {
    struct schema *schema;
    struct db *db;
    struct exclude exclude;
    struct source *source;
    struct replica *replica;
    struct loading *loading; // that waits for the other thread
    struct db_observer observer;
    size_t n_changed; // rows of the last commit
    struct uuid txn_id;
    unsigned n_runs, n_retries;
    bool may_replace;
};

static void on_send(void *userdata, struct slice text)
{
}

static void on_give_up(void *userdata, const char *reason)
{
    fail_msg("%s", reason);
}

static void on_is_self(void *userdata)
{
}

static void on_retry(void *userdata)
{
    ((struct fixture *)userdata)->n_retries++;
}

static void on_run(void *userdata)
{
    ((struct fixture *)userdata)->n_runs++;
}

static struct db *on_find_db(void *userdata)
{
    return ((struct fixture *)userdata)->db;
}

static void on_applying(void *userdata, struct uuid txn_id)
{
    ((struct fixture *)userdata)->txn_id = txn_id;
}

static void on_load(void *userdata, struct loading *loading)
{
    struct fixture *f = userdata;

    assert_null(f->loading);
    f->loading = loading;
}

static void on_finish_load(void *userdata, struct loading *loading)
{
    struct fixture *f = userdata;

    assert_ptr_equal(f->loading, loading);
    f->loading = NULL;
    loading_run_mt(loading, uuid_random);
    assert_null(replica_loaded(loading));
}

static bool may_replace(void *userdata)
{
    return ((struct fixture *)userdata)->may_replace;
}

static void on_loaded(void *userdata, struct db *db)
{
    struct fixture *f = userdata;

    db_free(f->db);
    f->db = db;
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct fixture *f = CONTAINER_OF(observer, struct fixture, observer);

    f->n_changed = 0;
    for (size_t i = 0; i < changes->n_tables; i++) {
        f->n_changed += changes->tables[i].n_rows;
    }
}

static const struct replica_handler replica_handler = {.db = on_find_db,
                                                       .applying = on_applying,
                                                       .load = on_load,
                                                       .finish_load = on_finish_load,
                                                       .may_replace = may_replace,
                                                       .loaded = on_loaded};

static void receive(struct fixture *f, const char *text)
{
    assert_null(framer_check(slice_of(text), SIZE_MAX, NULL, NULL));
    source_receive(f->source, slice_of(text));
}

// Connects, up to the request for the contents.
static void begin(struct fixture *f)
{
    _cleanup_buf_ struct buf reply = {0};

    source_connected(f->source);
    buf_puts(&reply, "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ID2
                     "\":{\"new\":{\"name\":\"db\",\"connected\":true,\"schema\":");
    emit_string(&reply, SLICE(SCHEMA));
    buf_puts(&reply, "}}}}}");
    receive(f, buf_cstr(&reply));
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
}

static int set_up(void **state)
{
    static const struct source_handler handler = {.send = on_send,
                                                  .give_up = on_give_up,
                                                  .is_self = on_is_self,
                                                  .retry = on_retry,
                                                  .run = on_run};
    struct fixture *f = NEW(struct fixture);
    char *bad;

    assert_null(schema_from_text(SLICE(SCHEMA), &f->schema));
    f->db = db_new(f->schema, uuid_random);
    assert_true(exclude_parse(&f->exclude, "db:X", &bad));
    f->source = source_new(&handler, f, (struct uuid){1, 2});
    f->replica = replica_new(&replica_handler, f, "db", &f->exclude);
    f->observer.committed = on_committed;
    source_add(f->source, f->replica);
    begin(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    source_disconnected(f->source);
    assert_null(f->loading);
    source_remove(f->source, f->replica);
    replica_free(f->replica);
    source_free(f->source);
    exclude_done(&f->exclude);
    db_free(f->db);
    schema_unref(f->schema);
    free(f);
    return 0;
}

// The reply with `n` rows, of which the row `other` has another value, -1: none. `prefix` and `end`
// stand around them.
static void receive_rows(struct fixture *f, const char *prefix, int n, int other, const char *end)
{
    _cleanup_buf_ struct buf reply = {0};

    buf_puts(&reply, prefix);
    for (int i = 0; i < n; i++) {
        buf_printf(&reply,
                   "%s\"00000000-0000-0000-0001-%012x\":{\"initial\":{\"n\":%d,\"s\":\"%s\"}}",
                   i ? "," : "", i, i, i == other ? "other" : "text");
    }
    buf_puts(&reply, end);
    receive(f, buf_cstr(&reply));
}

#define PREFIX "{\"error\":null,\"id\":4,\"result\":[false,\"" ID1 "\",{\"T\":{"
#define END    "}}]}"

// Does what the loop and the other thread do.
static void finish(struct fixture *f)
{
    while (source_run(f->source)) {
    }
    if (f->loading) {
        struct loading *loading = TAKE_PTR(f->loading);

        loading_run_mt(loading, uuid_random);
        assert_null(replica_loaded(loading));
    }
    while (source_run(f->source)) {
    }
}

static size_t count(struct fixture *f, const char *table)
{
    return table_n_rows(db_table(f->db, schema_find_table(db_schema(f->db), slice_of(table))));
}

static int value(struct fixture *f, int i)
{
    const struct table_schema *schema = schema_find_table(db_schema(f->db), SLICE("T"));
    const struct row *row =
        table_find(db_table(f->db, schema), (struct uuid){0, (uint64_t)1 << 48 | (uint64_t)i});

    return row ? (int)row_get(row, table_schema_find_column(schema, SLICE("n"))).scalar.integer
               : -1;
}

static void load(struct fixture *f)
{
    receive_rows(f, PREFIX, N, -1, END);
    assert_int_equal(replica_state(f->replica), REPLICA_LOADING);
    finish(f);
    assert_int_equal(replica_state(f->replica), REPLICA_REPLICATING);
    assert_int_equal(count(f, "T"), N);
}

static void reconnect(struct fixture *f)
{
    source_disconnected(f->source);
    replica_forget(f->replica);
    begin(f);
}

static void test_new_database(void **state)
{
    struct fixture *f = *state;
    struct db *before = f->db;
    struct uuid id;

    f->may_replace = true;
    load(f);
    assert_ptr_not_equal(f->db, before);
    assert_int_equal(db_tail(f->db)->seq, 0); // no transaction
    assert_int_equal(value(f, 7), 7);
    assert_true(uuid_parse(SLICE(ID1), &id));
    assert_true(uuid_equals(f->txn_id, id));
}

static void test_difference(void **state)
{
    struct fixture *f = *state;

    load(f);
    db_add_observer(f->db, &f->observer);
    reconnect(f);
    receive_rows(f, PREFIX, N - 2, 5, END);
    finish(f);
    assert_int_equal(replica_state(f->replica), REPLICA_REPLICATING);
    assert_int_equal(count(f, "T"), N - 2);
    assert_int_equal(f->n_changed, 3); // one has another value, two are missing
    f->n_changed = 0;
    reconnect(f);
    receive_rows(f, PREFIX, N - 2, 5, END);
    finish(f);
    assert_int_equal(f->n_changed, 0); // no commit
    reconnect(f);
    receive_rows(f, "{\"id\":4,\"error\":null,\"result\":[false,\"" ID1 "\",{\"none\":{", N, -1,
                 END);
    finish(f);
    assert_int_equal(count(f, "T"), 0); // the contents lack the table
    db_remove_observer(&f->observer);
}

// A table that is excluded, and one that the source does not have, are left alone.
static void test_excluded_table(void **state)
{
    struct fixture *f = *state;
    struct txn *txn = txn_new(f->db);
    struct changeset *changes;
    uint64_t position;

    txn_insert(txn, schema_find_table(f->schema, SLICE("X")), (struct uuid){1, 1});
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    receive_rows(f, PREFIX, N, -1, "},\"X\":{\"" ID2 "\":{\"initial\":{\"n\":1}}}}]}");
    finish(f);
    assert_int_equal(count(f, "X"), 1);
    assert_int_equal(count(f, "T"), N);
}

static void test_updates_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct uuid id;

    f->may_replace = true;
    receive_rows(f, PREFIX, N, -1, END);
    for (int i = 0; i < 20; i++) {
        _cleanup_free_ char *update =
            xasprintf("{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ID2
                      "\",{\"T\":{\"00000000-0000-0000-0001-%012x\":{\"modify\":{\"n\":%d}}}}]}",
                      i, 1000 + i);

        receive(f, update);
        assert_int_equal(count(f, "T"), 0); // the old contents are served
    }
    finish(f);
    assert_int_equal(replica_state(f->replica), REPLICA_REPLICATING);
    assert_int_equal(value(f, 0), 1000);
    assert_int_equal(value(f, 19), 1019);
    assert_int_equal(value(f, 20), 20);
    assert_true(uuid_parse(SLICE(ID2), &id));
    assert_true(uuid_equals(f->txn_id, id));
}

// The connection ends before and while the other thread works.
static void test_disconnected(void **state)
{
    struct fixture *f = *state;
    struct loading *loading;

    load(f);
    reconnect(f);
    receive_rows(f, PREFIX, N, 3, END);
    assert_true(source_run(f->source) || f->loading);
    reconnect(f);
    receive_rows(f, PREFIX, N, 3, END);
    while (source_run(f->source)) {
    }
    assert_non_null(f->loading);
    reconnect(f); // waits, because the thread reads rows of our database
    assert_null(f->loading);
    receive_rows(f, PREFIX, 0, -1, END); // small
    assert_int_equal(count(f, "T"), 0);
    f->may_replace = true;
    reconnect(f);
    receive_rows(f, PREFIX, N, 3, END);
    finish(f);
    assert_int_equal(count(f, "T"), N);
    db_free(f->db);
    f->db = db_new(f->schema, uuid_random);
    reconnect(f);
    receive_rows(f, PREFIX, N, 3, END);
    while (source_run(f->source)) {
    }
    loading = TAKE_PTR(f->loading);
    source_disconnected(f->source);
    loading_run_mt(loading, uuid_random); // it goes on alone
    assert_null(replica_loaded(loading));
    assert_int_equal(count(f, "T"), 0);
    begin(f);
}

static void assert_failed(struct fixture *f, const char *reason)
{
    finish(f);
    assert_int_equal(replica_state(f->replica), REPLICA_FAILED);
    assert_non_null(strstr(replica_reason(f->replica), reason));
    assert_int_equal(count(f, "T"), 0);
    source_retry(f->source);
    source_disconnected(f->source);
    begin(f);
}

static void test_bad_contents(void **state)
{
    static const struct {
        const char *prefix, *end, *reason;
    } cases[] = {
        {PREFIX, ",\"x\":{\"initial\":{}}}}]}", "is not a UUID"},
        {PREFIX, ",\"" ID1 "\":{\"initial\":{\"none\":1}}}}]}", "there is no column none"},
        {PREFIX, ",\"" ID1 "\":{\"initial\":{\"n\":\"x\"}}}}]}", "column n"},
        {PREFIX, ",\"" ID1 "\":{\"modify\":{\"n\":1}}}}]}", "initial"},
        {PREFIX, ",\"" ID1 "\":null}}]}", "initial"},
        {PREFIX, ",\"" ID1 "\":{\"initial\":null}}}]}", "a row must be an object"},
        {PREFIX, "},\"T\":{}}]}", "twice"},
        {PREFIX, "},\"T\":null}]}", "twice"},
        {"{\"error\":null,\"id\":4,\"result\":[1,\"" ID1 "\",{\"T\":{", END, "found"},
        {"{\"error\":null,\"id\":4,\"result\":[true,\"" ID1 "\",{\"T\":{", END, "no id was sent"},
        {"{\"error\":null,\"id\":4,\"result\":{\"T\":{", "}}}", "is not [found"},
        {"{\"error\":null,\"id\":4,\"result\":[false,\"" ID1 "\",[{\"T\":{", "}}]]}",
         "must be an object"},
        {"{\"error\":null,\"id\":4,\"bad\":[false,\"" ID1 "\",[{\"T\":{", "}}]]}",
         "cannot be used"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        f->may_replace = i % 2;
        receive_rows(f, cases[i / 2].prefix, N, -1, cases[i / 2].end);
        assert_failed(f, cases[i / 2].reason);
    }
    f->may_replace = true;
    receive_rows(f, PREFIX, N, -1,
                 ",\"00000000-0000-0000-0001-000000000000\":{\"initial\":{}}}}]}");
    assert_failed(f, "the row twice");
}

// Our database changes while the contents are compared with its rows.
static void test_outdated(void **state)
{
    struct fixture *f = *state;
    struct changeset *changes;
    uint64_t position;
    struct txn *txn;

    receive_rows(f, PREFIX, N, -1, END);
    assert_int_equal(replica_state(f->replica), REPLICA_LOADING);
    txn = txn_new(f->db);
    txn_insert(txn, schema_find_table(f->schema, SLICE("X")), (struct uuid){1, 1});
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    assert_failed(f, "was changed");
    assert_int_equal(f->n_retries, 1);
}

// The reply resumes: the large difference is applied as it is.
static void test_found(void **state)
{
    struct fixture *f = *state;

    load(f);
    source_disconnected(f->source);
    begin(f);
    receive_rows(f, "{\"error\":null,\"id\":4,\"result\":[true,\"" ID2 "\",{\"T\":{", 2 * N, -1,
                 END);
    finish(f);
    assert_int_equal(replica_state(f->replica), REPLICA_REPLICATING);
    assert_int_equal(count(f, "T"), 2 * N);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_new_database),      TEST(test_difference),   TEST(test_excluded_table),
        TEST(test_updates_meanwhile), TEST(test_disconnected), TEST(test_bad_contents),
        TEST(test_outdated),          TEST(test_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
