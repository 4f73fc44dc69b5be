// SPDX-License-Identifier: Apache-2.0
// A replica on a connection to an active server whose messages the test writes.
#include "replication/replica.h"

#include "engine/txn.h"
#include "schema_file.h"
#include "json/framer.h"

#define ROW1 "11111111-1111-1111-1111-111111111111"
#define ROW2 "22222222-2222-2222-2222-222222222222"
#define ROW3 "33333333-3333-3333-3333-333333333333"

struct fixture {
    struct schema *schema;
    struct db *db;
    struct exclude exclude;
    struct resume *resume;
    struct replica *replica;
    struct buf sent;
    char *reason; // why it gave up
    bool is_self;
};

static void on_send(void *userdata, struct slice text)
{
    struct fixture *f = userdata;

    buf_put_slice(&f->sent, text);
    buf_putc(&f->sent, '\n');
}

static struct db *on_find_db(void *userdata, const char *name)
{
    struct fixture *f = userdata;

    assert_string_equal(name, "db");
    return f->db;
}

static void on_give_up(void *userdata, const char *reason)
{
    struct fixture *f = userdata;

    assert_null(f->reason);
    f->reason = xstrdup(reason);
}

static void on_is_self(void *userdata)
{
    struct fixture *f = userdata;

    f->is_self = true;
}

static const struct replica_handler handler = {on_send, on_find_db, on_give_up, on_is_self};

static void connect_again(struct fixture *f)
{
    replica_free(f->replica);
    f->replica = replica_new(&handler, f, (struct uuid){1, 2}, &f->exclude, f->resume);
    replica_add_db(f->replica, "db");
    replica_start(f->replica);
}

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    char *bad;

    f->schema = schema_of_file("replication/db.ovsschema");
    f->db = db_new(f->schema, uuid_random);
    assert_true(exclude_parse(&f->exclude, "db:X", &bad));
    f->resume = resume_new();
    connect_again(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    replica_free(f->replica);
    resume_free(f->resume);
    exclude_done(&f->exclude);
    db_free(f->db);
    schema_unref(f->schema);
    buf_done(&f->sent);
    free(f->reason);
    free(f);
    return 0;
}

// Checks the output since the last call, and passes an answer to the replica.
static void exchange(struct fixture *f, const char *expected, const char *answer)
{
    assert_string_equal(buf_cstr(&f->sent), expected);
    buf_clear(&f->sent);
    assert_null(framer_check(slice_of(answer), SIZE_MAX, NULL, NULL));
    replica_receive(f->replica, slice_of(answer));
}

#define ZERO "00000000-0000-0000-0000-000000000000"
#define REQUEST(method, last)                                                                      \
    "{\"id\":3,\"method\":\"" method                                                               \
    "\",\"params\":[\"db\",\"db\",{\"T\":[{\"columns\":[\"n\"]}]}" last "]}\n"
#define SINCE(id) REQUEST("monitor_cond_since", ",\"" id "\"")
#define REFUSED   "{\"id\":3,\"error\":\"unknown method\",\"result\":null}"

static char *reply_of_schema(const struct schema *schema)
{
    return xasprintf("{\"id\":2,\"error\":null,\"result\":%s}", schema->json->data);
}

// Up to the request for the contents, which is not read yet.
static void begin(struct fixture *f)
{
    _cleanup_free_ char *schema_reply = reply_of_schema(f->schema);

    exchange(f,
             "{\"id\":0,\"method\":\"get_server_id\",\"params\":[]}\n"
             "{\"id\":1,\"method\":\"list_dbs\",\"params\":[]}\n",
             "{\"id\":0,\"error\":null,\"result\":\"" ROW1 "\"}");
    exchange(f, "", "{\"id\":1,\"error\":null,\"result\":[\"other\",\"db\"]}");
    exchange(f, "{\"id\":2,\"method\":\"get_schema\",\"params\":[\"db\"]}\n", schema_reply);
    assert_false(replica_is_replicating(f->replica));
}

// With a source that knows the methods of the RFC only.
static void begin_monitor(struct fixture *f, const char *contents)
{
    _cleanup_free_ char *answer = xasprintf("{\"id\":3,\"error\":null,\"result\":%s}", contents);

    begin(f);
    exchange(f, SINCE(ZERO), REFUSED);
    exchange(f, REQUEST("monitor_cond", ""), REFUSED);
    exchange(f, REQUEST("monitor", ""), answer);
}

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
    uint64_t ticket;

    assert_true(uuid_parse(slice_of(text), &uuid));
    assert_non_null(txn_insert(txn, schema, uuid));
    assert_null(txn_commit(txn, false, &changes, &ticket));
    txn_free(txn);
}

static void test_follows(void **state)
{
    struct fixture *f = *state;
    const char *reason;

    add_row(f, "T", ROW1);
    add_row(f, "T", ROW3);
    add_row(f, "X", ROW3);
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":1}},\"" ROW2 "\":{\"new\":{\"n\":2}}}}");
    assert_true(replica_is_replicating(f->replica));
    assert_true(replica_db_status(f->replica, "db", &reason));
    assert_null(reason);
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
    begin(f);
    exchange(f, SINCE(ZERO), REFUSED);
    exchange(f, REQUEST("monitor_cond", ""),
             "{\"id\":3,\"error\":null,\"result\":{\"T\":{\"" ROW1 "\":{\"initial\":{}},\"" ROW2
             "\":{\"initial\":{\"n\":2}}}}}");
    assert_true(replica_is_replicating(f->replica));
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
    _cleanup_free_ char *answer = xasprintf("{\"id\":3,\"error\":null,\"result\":%s}", result);

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

// A source that knows no ids says so with the zero UUID: nothing is resumed.
static void test_source_without_ids(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO), "[false,\"" ZERO "\",{}]");
    assert_true(replica_is_replicating(f->replica));
    connect_again(f);
    begin_since(f, SINCE(ZERO), "[true,\"" ZERO "\",{}]");
    assert_non_null(f->reason);
}

// A difference that does not fit: the next connection asks for all contents.
static void test_bad_difference(void **state)
{
    struct fixture *f = *state;

    begin_since(f, SINCE(ZERO), "[false,\"" ROW1 "\",{}]");
    exchange(f, "",
             "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW2 "\",{\"T\":{\"" ROW2
             "\":{\"modify\":{\"n\":2}}}}]}");
    assert_non_null(strstr(f->reason, "row " ROW2 ": a row that does not exist is modified"));
    connect_again(f);
    begin(f);
    assert_string_equal(buf_cstr(&f->sent), SINCE(ZERO));
}

static void test_same_contents_are_no_change(void **state)
{
    struct fixture *f = *state;
    uint64_t seq;

    add_row(f, "T", ROW1);
    seq = db_tail(f->db)->seq;
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":0}}}}");
    assert_true(replica_is_replicating(f->replica));
    assert_int_equal(db_tail(f->db)->seq, seq);
}

static void test_bad_contents_change_nothing(void **state)
{
    struct fixture *f = *state;

    add_row(f, "T", ROW3);
    begin_monitor(f, "{\"T\":{\"" ROW1 "\":{\"new\":{\"n\":1}},\"" ROW2
                     "\":{\"new\":{\"n\":\"x\"}}}}");
    assert_false(replica_is_replicating(f->replica));
    assert_non_null(strstr(f->reason, "table T, row " ROW2 ": column n: "));
    assert_number(f, "T", ROW1, -1);
    assert_number(f, "T", ROW3, 0);
}

static void test_itself(void **state)
{
    struct fixture *f = *state;

    replica_receive(
        f->replica,
        SLICE("{\"id\":0,\"error\":null,\"result\":\"00000000-0000-0001-0000-000000000002\"}"));
    assert_true(f->is_self);
    assert_null(f->reason);
}

// Tables and columns of only one side are not replicated: our X and n, their Y and m.
static void test_schemas_that_differ(void **state)
{
    struct fixture *f = *state;
    _cleanup_schema_ struct schema *schema = schema_of_file("replication/db-2.ovsschema");
    _cleanup_free_ char *schema_reply = reply_of_schema(schema);

    add_row(f, "T", ROW1);
    replica_receive(f->replica, SLICE("{\"id\":1,\"error\":null,\"result\":[\"db\"]}"));
    buf_clear(&f->sent);
    exchange(f, "", schema_reply);
    exchange(f,
             "{\"id\":3,\"method\":\"monitor_cond_since\",\"params\":[\"db\",\"db\",{\"T\":[{"
             "\"columns\":[]}]},\"" ZERO "\"]}\n",
             "{\"id\":3,\"error\":null,\"result\":[false,\"" ROW3 "\",{\"T\":{\"" ROW1
             "\":{\"initial\":{}},\"" ROW2 "\":{\"initial\":{}}}}]}");
    assert_true(replica_is_replicating(f->replica));
    assert_number(f, "T", ROW1, 0);
    assert_number(f, "T", ROW2, 0);
}

static void test_other_schema(void **state)
{
    struct fixture *f = *state;
    const char *reason;

    replica_receive(f->replica, SLICE("{\"id\":1,\"error\":null,\"result\":[\"db\"]}"));
    buf_clear(&f->sent);
    replica_receive(f->replica,
                    SLICE("{\"id\":2,\"error\":null,\"result\":{\"name\":\"db\",\"tables\":{}}}"));
    assert_int_equal(f->sent.size, 0);
    assert_false(replica_db_status(f->replica, "db", &reason));
    assert_string_equal(reason, "the active server's schema has no table that is to be replicated");
    assert_null(f->reason);
}

static void test_nonsense(void **state)
{
    static const char *const messages[] = {
        "5",
        "{\"id\":77,\"error\":null,\"result\":[]}",
        "{\"id\":\"a\",\"error\":null,\"result\":[]}",
        "{\"id\":3,\"error\":null,\"result\":{}}",
        "{\"id\":1,\"error\":null,\"result\":{}}",
        "{\"id\":1,\"error\":\"no\",\"result\":null}",
        "{\"id\":null,\"method\":\"update\",\"params\":[\"db\",{}]}",
        "{\"id\":null,\"method\":\"update\",\"params\":[]}",
        "{\"id\":null,\"method\":\"update2\",\"params\":[\"db\",{}]}",
        "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",\"" ROW1 "\",{}]}",
        "{\"id\":null,\"method\":\"update3\",\"params\":[\"db\",{}]}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        void *inner;

        set_up(&inner);
        replica_receive(((struct fixture *)inner)->replica, slice_of(messages[i]));
        assert_non_null(((struct fixture *)inner)->reason);
        tear_down(&inner);
    }
}

// A second reply to a request that has been answered ends the connection, in every state.
static void test_repeated_replies(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file("replication/db.ovsschema");
    _cleanup_free_ char *schema_reply = reply_of_schema(schema);
    const char *const replies[] = {
        "{\"id\":1,\"error\":null,\"result\":[\"db\"]}",
        "{\"id\":1,\"error\":null,\"result\":[]}",
        schema_reply,
        "{\"id\":3,\"error\":null,\"result\":{}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        struct fixture *f;
        void *inner;

        set_up(&inner);
        f = inner;
        begin_monitor(f, "{}");
        assert_null(f->reason);
        replica_receive(f->replica, slice_of(replies[i]));
        assert_string_equal(f->reason, "received a reply without a request");
        tear_down(&inner);
    }
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_follows),
        TEST(test_follows_update2),
        TEST(test_resumes),
        TEST(test_source_without_ids),
        TEST(test_bad_difference),
        cmocka_unit_test(test_repeated_replies),
        TEST(test_same_contents_are_no_change),
        TEST(test_bad_contents_change_nothing),
        TEST(test_itself),
        TEST(test_schemas_that_differ),
        TEST(test_other_schema),
        TEST(test_nonsense),
        TEST(test_echo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
