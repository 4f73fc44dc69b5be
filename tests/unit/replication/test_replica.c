// SPDX-License-Identifier: Apache-2.0
#include "source_fixture.h"

static void assert_number(const struct fixture *f, const char *table, const char *uuid_text_, int n)
{
    const struct table_schema *schema = schema_find_table(f->schema, slice_of(table));
    const struct row *row;
    struct uuid uuid;

    assert_true(uuid_parse(slice_of(uuid_text_), &uuid));
    row = table_find(db_table(f->db, schema), uuid);
    if (n < 0) {
        assert_null(row);
    } else {
        assert_non_null(row);
        assert_int_equal(row_get(row, table_schema_find_column(schema, SLICE("n"))).scalar.integer,
                         n);
    }
}

static void add_row(struct fixture *f, const char *table, const char *text)
{
    const struct table_schema *schema = schema_find_table(f->schema, slice_of(table));
    struct txn *txn = txn_new(f->db);
    struct changeset *changes;
    struct uuid uuid;
    uint64_t position;

    assert_true(uuid_parse(slice_of(text), &uuid));
    assert_non_null(txn_insert(txn, schema, uuid));
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
}

static void test_follows(void **state)
{
    struct fixture *f = *state;

    add_row(f, "T", ROW1);
    add_row(f, "T", ROW3);
    add_row(f, "X", ROW3);
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":1}},\"" ROW2 "\":{\"new\":{\"n\":2}}}}");
    assert_true(is_replicating(f));
    assert_true(replica_is_connected(f->replica));
    assert_null(replica_reason(f->replica));
    assert_number(f, "T", ROW1, 1);
    assert_number(f, "T", ROW2, 2);
    assert_number(f, "T", ROW3, -1); // the active server does not have it
    assert_number(f, "X", ROW3, 0);  // excluded
    exchange(f, "",
             "{\"id\":null,\"method\":\"update\",\"params\":[\"db\",{\"T\":{\"" ROW1
             "\":{\"old\":{\"n\":1}},\"" ROW2 "\":{\"new\":{\"n\":5},\"old\":{\"n\":2}},\"" ROW3
             "\":{\"new\":{\"n\":3}}}}]}");
    assert_number(f, "T", ROW1, -1);
    assert_number(f, "T", ROW2, 5);
    assert_number(f, "T", ROW3, 3);
    assert_null(f->reason);
}

// The same by update2: columns at their default are not sent, "modify" is a difference.
static void test_follows_update2(void **state)
{
    struct fixture *f = *state;

    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":7}}}}");
    connect_again(f);
    begin_old(f);
    exchange(f, OLD_SINCE(ZERO), REFUSED("6"));
    exchange(f, REQUEST("7", "monitor_cond", ""),
             "{\"id\":7,\"error\":null,\"result\":{\"T\":{\"" ROW1 "\":{\"initial\":{}},\"" ROW2
             "\":{\"initial\":{\"n\":2}}}}}");
    assert_true(is_replicating(f));
    assert_number(f, "T", ROW1, 0);
    assert_number(f, "T", ROW2, 2);
    exchange(f, "",
             "{\"id\":null,\"method\":\"update2\",\"params\":[\"db\",{\"T\":{\"" ROW1
             "\":{\"delete\":null},\"" ROW2 "\":{\"modify\":{\"n\":5}},\"" ROW3
             "\":{\"insert\":{}}}}]}");
    assert_number(f, "T", ROW1, -1);
    assert_number(f, "T", ROW2, 5);
    assert_number(f, "T", ROW3, 0);
    assert_null(f->reason);
}

static void begin_since(struct fixture *f, const char *request, const char *result)
{
    _cleanup_free_ char *answer = xasprintf("{\"id\":4,\"error\":null,\"result\":%s}", result);

    begin(f);
    exchange(f, request, answer);
}

static void test_resumes(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO),
                "[false,\"" ROW1 "\",{\"T\":{\"" ROW1 "\":{\"initial\":{\"n\":1}}}}]");
    exchange(f, "",
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{\"T\":{\"" ROW2
             "\":{\"insert\":{\"n\":2}}}}]}");
    connect_again(f);
    begin_since(f, SINCE(ROW2),
                "[true,\"" ROW3 "\",{\"T\":{\"" ROW1 "\":{\"modify\":{\"n\":3}}}}]");
    assert_number(f, "T", ROW1, 3);
    assert_number(f, "T", ROW2, 2); // it was not mentioned, and stays
    connect_again(f);
    begin_since(f, SINCE(ROW3),
                "[false,\"" ROW1 "\",{\"T\":{\"" ROW1 "\":{\"initial\":{\"n\":4}}}}]");
    assert_number(f, "T", ROW1, 4);
    assert_number(f, "T", ROW2, -1);
    assert_null(f->reason);
}

static void assert_failed(const struct fixture *f, const char *part)
{
    assert_int_equal(replica_state(f->replica), REPLICA_FAILED);
    assert_non_null(strstr(replica_reason(f->replica), part));
    assert_int_equal(f->n_retries, 1);
    assert_null(f->reason); // the connection stays
}

// A source without transaction ids sends the zero UUID: the replica cannot resume.
static void test_source_without_ids(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO), "[false,\"" ZERO "\",{}]");
    assert_true(is_replicating(f));
    connect_again(f);
    begin_since(f, SINCE(ZERO), "[true,\"" ZERO "\",{}]");
    assert_failed(f, "no id was sent");
}

#define CANCEL(id, monitor)                                                                        \
    "{\"id\":" id ",\"method\":\"monitor_cancel\",\"params\":[\"" monitor "\"]}\n"
#define AGAIN(id, monitor, txn)                                                                    \
    "{\"id\":" id ",\"method\":\"monitor_cond_since\",\"params\":[\"db\",\"" monitor               \
    "\",{\"T\":[{\"columns\":[\"n\"]}]},\"" txn "\"]}\n"

// A difference that does not fit ends the monitor; all contents are requested later, on the same
// connection, by a monitor with another id.
static void test_bad_difference(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO), "[false,\"" ROW1 "\",{}]");
    exchange(f, "",
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{\"T\":{\"" ROW2
             "\":{\"modify\":{\"n\":2}}}}]}");
    assert_failed(f, "row " ROW2 ": a row that does not exist is modified");
    exchange(f, CANCEL("5", "db"),
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{}]}");
    exchange(f, "", "{\"id\":5,\"error\":null,\"result\":{}}");
    source_retry(f->source);
    exchange(f, AGAIN("6", "db 2", ZERO),
             "{\"id\":6,\"error\":null,\"result\":[false,\"" ROW1 "\",{\"T\":{\"" ROW1
             "\":{\"initial\":{\"n\":4}}}}]}");
    assert_true(is_replicating(f));
    assert_null(replica_reason(f->replica));
    assert_number(f, "T", ROW1, 4);
}

// The source converts the database: it cancels the monitor and sends the new schema, in any order.
static void test_conversion_at_the_source(void **state)
{
    static const char canceled[] =
        "{\"id\":null,\"method\":\"monitor_canceled\",\"params\":[\"db\"]}";
    _cleanup_free_ char *with_m = data_text("replication/db-with-m.ovsschema");
    struct fixture *f = *state;

    for (int order = 0; order < 2; order++) {
        begin_since(f, order ? SINCE(ROW1) : SINCE(ZERO), "[false,\"" ROW1 "\",{}]");
        if (!order) {
            source_receive(f->source, SLICE(canceled));
            assert_int_equal(replica_state(f->replica), REPLICA_WAITING);
            send_server_row(f, true, with_m, "true");
            assert_string_equal(buf_cstr(&f->sent), AGAIN("5", "db 2", ROW1));
        } else {
            send_server_row(f, true, with_m, "true");
            source_receive(f->source, SLICE(canceled));
            assert_string_equal(buf_cstr(&f->sent), CANCEL("5", "db") AGAIN("6", "db 2", ROW1));
        }
        assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
        assert_null(f->reason);
        connect_again(f);
    }
}

// The source stops and begins to serve the database.
static void test_database_comes_and_goes(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO), "[false,\"" ROW1 "\",{}]");
    source_receive(f->source, SLICE("{\"id\":null,\"method\":\"update\",\"params\":[\"_Server\",{"
                                    "\"Database\":{\"" ROW2 "\":{\"old\":{\"name\":\"db\"}}}}]}"));
    assert_int_equal(replica_state(f->replica), REPLICA_LEFT_OUT);
    assert_false(replica_is_connected(f->replica));
    assert_string_equal(replica_reason(f->replica), "the active server does not have it");
    buf_clear(&f->sent);
    send_server_row(f, true, NULL, "false"); // for example a relay that has no source yet
    assert_int_equal(replica_state(f->replica), REPLICA_WAITING);
    assert_int_equal(f->sent.size, 0);
    send_server_row(f, true, f->schema_text, "true");
    assert_true(replica_is_connected(f->replica));
    assert_string_equal(buf_cstr(&f->sent), AGAIN("6", "db 2", ROW1));
    send_server_row(f, true, f->schema_text, "false");
    assert_false(replica_is_connected(f->replica));
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
}

struct call_result {
    unsigned n_replies, n_ends;
};

static void on_done(void *userdata, const struct message *reply)
{
    struct call_result *result = userdata;

    result->n_replies += reply && reply->type == MESSAGE_REPLY;
    result->n_ends += !reply;
}

// Other requests on the connection.
static void test_requests(void **state)
{
    struct call_result result = {0};
    struct fixture *f = *state;
    uint64_t number;

    buf_clear(&f->sent);
    number = source_request(f->source, "transact", SLICE("[\"db\"]"), on_done, &result);
    exchange(f, "{\"id\":4,\"method\":\"transact\",\"params\":[\"db\"]}\n",
             "{\"id\":4,\"error\":null,\"result\":[]}");
    assert_int_equal(result.n_replies, 1);
    source_cancel(f->source, number); // too late: no effect
    number = source_request(f->source, "transact", SLICE("[\"db\"]"), on_done, &result);
    source_cancel(f->source, number);
    source_receive(f->source, SLICE("{\"id\":5,\"error\":null,\"result\":[]}"));
    source_request(f->source, "transact", SLICE("[\"db\"]"), on_done, &result);
    connect_again(f);
    assert_int_equal(result.n_replies, 1);
    assert_int_equal(result.n_ends, 1);
    source_disconnected(f->source);
    assert_int_equal(source_request(f->source, "transact", SLICE("[]"), on_done, &result), 0);
    source_connected(f->source);
}

// A replica that joins a connection, and one that leaves it.
static void test_replicas_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct exclude nothing = {0};
    struct replica *other = replica_new(&replica_handler, f, "other", &nothing);

    begin_since(f, SINCE(ZERO), "[false,\"" ROW1 "\",{}]");
    source_add(f->source, other);
    assert_int_equal(replica_state(other), REPLICA_LEFT_OUT);
    assert_true(is_replicating(f));
    source_remove(f->source, other);
    assert_int_equal(replica_state(other), REPLICA_OFFLINE);
    replica_free(other);
    source_remove(f->source, f->replica);
    exchange(f, CANCEL("5", "db"),
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{}]}");
    source_add(f->source, f->replica);
    assert_string_equal(buf_cstr(&f->sent), AGAIN("6", "db", ROW1));
    replica_forget(f->replica);
    buf_clear(&f->sent);
    replica_restart(f->replica);
    assert_string_equal(buf_cstr(&f->sent), CANCEL("7", "db") AGAIN("8", "db 2", ZERO));
    assert_null(f->reason);
}

static void test_same_contents_are_no_change(void **state)
{
    struct fixture *f = *state;
    uint64_t seq;

    add_row(f, "T", ROW1);
    seq = db_tail(f->db)->seq;
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":0}}}}");
    assert_true(is_replicating(f));
    assert_int_equal(db_tail(f->db)->seq, seq);
}

static void test_bad_contents_change_nothing(void **state)
{
    struct fixture *f = *state;

    add_row(f, "T", ROW3);
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":1}},\"" ROW2
                     "\":{\"new\":{\"n\":\"x\"}}}}");
    assert_false(is_replicating(f));
    assert_failed(f, "table T, row " ROW2 ": column n: ");
    assert_number(f, "T", ROW1, -1);
    assert_number(f, "T", ROW3, 0);
}

static void test_itself(void **state)
{
    struct fixture *f = *state;

    source_receive(
        f->source,
        SLICE("{\"id\":1,\"error\":null,\"result\":\"00000000-0000-0001-0000-000000000002\"}"));
    assert_true(f->is_self);
    assert_null(f->reason);
}

// Differences between the schemas can be refused. Those of excluded tables do not count: X.
static void test_strict(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *theirs = data_text("replication/db-2.ovsschema");

    replica_set_strict(f->replica, true);
    send_server_row(f, false, theirs, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_LEFT_OUT);
    assert_string_equal(replica_reason(f->replica),
                        "the schemas differ: only the active server has T:m, Y; only this server "
                        "has T:n");
    send_server_row(f, true,
                    "{\"name\":\"db\",\"version\":\"2.0.1\",\"tables\":{\"T\":{\"columns\":{\"m\":"
                    "{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}}}}",
                    "true");
    assert_string_equal(replica_reason(f->replica),
                        "the schemas differ: only the active server has T:m");
    send_server_row(f, true, "{\"name\":\"db\",\"version\":\"2.0.2\",\"tables\":{}}", "true");
    assert_string_equal(replica_reason(f->replica), "the schemas differ: only this server has T");
    send_server_row(f, true,
                    "{\"name\":\"db\",\"version\":\"2.0.3\",\"tables\":{\"T\":{\"columns\":{\"n\":"
                    "{\"type\":\"integer\"}}}}}",
                    "true");
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    send_server_row(f, true, "{\"name\":\"db\",\"version\":\"2.0.2\",\"tables\":{}}", "true");
    assert_int_equal(replica_state(f->replica), REPLICA_LEFT_OUT);
    send_server_row(f, true, f->schema_text, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    replica_set_strict(f->replica, false);
    replica_restart(f->replica);
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
}

// Tables and columns of only one side are not replicated: our X and n, their Y and m.
static void test_schemas_that_differ(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *theirs = data_text("replication/db-2.ovsschema");

    add_row(f, "T", ROW1);
    buf_clear(&f->sent);
    send_server_row(f, false, theirs, "true");
    exchange(f,
             "{\"id\":4,\"method\":\"monitor_cond_since\",\"params\":[\"db\",\"db\",{\"T\":[{"
             "\"columns\":[]}]},\"" ZERO "\"]}\n",
             "{\"id\":4,\"error\":null,\"result\":[false,\"" ROW3 "\",{\"T\":{\"" ROW1
             "\":{\"initial\":{}},\"" ROW2 "\":{\"initial\":{}}}}]}");
    assert_true(is_replicating(f));
    assert_number(f, "T", ROW1, 0);
    assert_number(f, "T", ROW2, 0);
}

static void test_other_schema(void **state)
{
    struct fixture *f = *state;

    buf_clear(&f->sent);
    send_server_row(f, false, "{\"name\":\"db\",\"tables\":{}}", "true");
    assert_int_equal(f->sent.size, 0);
    assert_int_equal(replica_state(f->replica), REPLICA_LEFT_OUT);
    assert_string_equal(replica_reason(f->replica),
                        "the active server's schema has no table that is to be replicated");
    assert_null(f->reason);
    send_server_row(f, true, "{\"name\":5}", "true");
    assert_failed(f, "database db: ");
}

static void test_nonsense(void **state)
{
    static const char *const messages[] = {
        "5",
        "{\"id\":77,\"error\":null,\"result\":[]}",
        "{\"id\":\"a\",\"error\":null,\"result\":[]}",
        "{\"id\":3,\"error\":null,\"result\":[]}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":5}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"x\":{}}}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ZERO "\":{}}}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ROW1 "\":5}}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ROW1 "\":{\"new\":{}}}}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ROW1
        "\":{\"new\":{\"name\":5,\"schema\":\"\",\"connected\":true}}}}}",
        "{\"id\":3,\"error\":null,\"result\":{\"Database\":{\"" ROW1
        "\":{\"new\":{\"name\":\"db\",\"schema\":\"\",\"connected\":5}}}}}",
        "{\"id\":null,\"method\":\"update\",\"params\":[\"_Server\",{}]}",
        "{\"id\":null,\"method\":\"update\",\"params\":[]}",
        "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",{}]}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        void *inner;

        set_up(&inner);
        source_receive(((struct fixture *)inner)->source, slice_of(messages[i]));
        assert_non_null(((struct fixture *)inner)->reason);
        tear_down(&inner);
    }
}

// Replies of an old source that are no names and no schema.
static void test_nonsense_of_an_old_source(void **state)
{
    static const char *const lists[] = {"{}", "[5]", "[\"db\"]"};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        _cleanup_free_ char *reply = xasprintf("{\"id\":4,\"error\":null,\"result\":%s}", lists[i]);
        struct fixture *f;
        void *inner;

        set_up(&inner);
        f = inner;
        source_receive(f->source, SLICE(REFUSED("3")));
        source_receive(f->source, slice_of(reply));
        assert_int_equal(!f->reason, i == 2);
        source_receive(f->source, SLICE("{\"id\":5,\"error\":null,\"result\":{\"name\":7}}"));
        assert_non_null(f->reason);
        tear_down(&inner);
    }
}

// A second reply to a request that has been answered ends the connection.
static void test_repeated_replies(void **state)
{
    static const char *const ids[] = {"1", "3", "4", "5", "6", "8"};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        _cleanup_free_ char *reply = xasprintf("{\"id\":%s,\"error\":null,\"result\":{}}", ids[i]);
        struct fixture *f;
        void *inner;

        set_up(&inner);
        f = inner;
        begin_monitor(f, "{}");
        assert_null(f->reason);
        source_receive(f->source, slice_of(reply));
        assert_string_equal(f->reason, "received a reply without a request");
        tear_down(&inner);
    }
}

static void assert_txn_id(const struct fixture *f, const char *expected)
{
    char text[UUID_TEXT_SIZE];

    assert_string_equal(uuid_text(f->txn_id, text), expected);
}

// The owner learns which transaction of the source is applied.
static void test_transaction_ids(void **state)
{
    struct fixture *f = *state;

    begin(f);
    exchange(f, SINCE(ZERO), "{\"id\":4,\"error\":null,\"result\":[false,\"" ROW1 "\",{}]}");
    assert_txn_id(f, ROW1);
    exchange(f, "",
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{\"T\":{\"" ROW2
             "\":{\"insert\":{\"n\":2}}}}]}");
    assert_txn_id(f, ROW2);
    exchange(f, "", "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",null,{}]}");
    assert_txn_id(f, ZERO);
}

static void on_canceled(void *userdata, const struct message *reply)
{
    bool *is_canceled = userdata;

    assert_int_equal(reply->type, MESSAGE_ERROR);
    *is_canceled = true;
}

static void test_cancel_at_the_source(void **state)
{
    struct fixture *f = *state;
    bool is_canceled = false;
    uint64_t number;

    begin(f);
    exchange(f, SINCE(ZERO), "{\"id\":4,\"error\":null,\"result\":[false,\"" ROW1 "\",{}]}");
    number = source_request(f->source, "transact", SLICE("[]"), on_canceled, &is_canceled);
    buf_clear(&f->sent);
    source_cancel_there(f->source, number);
    exchange(f, "{\"id\":null,\"method\":\"cancel\",\"params\":[5]}\n",
             "{\"id\":5,\"error\":\"canceled\",\"result\":null}");
    assert_true(is_canceled);
    source_cancel_there(f->source, number); // replied to: no effect
    assert_int_equal(f->sent.size, 0);
}

static void test_echo(void **state)
{
    struct fixture *f = *state;

    buf_clear(&f->sent);
    exchange(f, "", "{\"id\":\"e\",\"method\":\"echo\",\"params\":[1]}");
    exchange(f, "{\"error\":null,\"id\":\"e\",\"result\":[1]}\n",
             "{\"id\":8,\"method\":\"monitor\",\"params\":[]}");
    assert_string_equal(buf_cstr(&f->sent),
                        "{\"error\":\"unknown method\",\"id\":8,\"result\":null}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_follows),
        TEST(test_follows_update2),
        TEST(test_resumes),
        TEST(test_source_without_ids),
        TEST(test_bad_difference),
        TEST(test_conversion_at_the_source),
        TEST(test_database_comes_and_goes),
        TEST(test_requests),
        TEST(test_replicas_come_and_go),
        cmocka_unit_test(test_nonsense_of_an_old_source),
        cmocka_unit_test(test_repeated_replies),
        TEST(test_same_contents_are_no_change),
        TEST(test_bad_contents_change_nothing),
        TEST(test_itself),
        TEST(test_strict),
        TEST(test_schemas_that_differ),
        TEST(test_other_schema),
        TEST(test_nonsense),
        TEST(test_transaction_ids),
        TEST(test_cancel_at_the_source),
        TEST(test_echo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
