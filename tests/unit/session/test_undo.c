// SPDX-License-Identifier: Apache-2.0
// Commits are withdrawn while clients monitor the database: monitors of all versions, with
// conditions, slow clients, initial contents in progress. What the commit log has lost never
// reaches a client, so the test drops the output since the last commit that remains. The clients
// with monitors are disconnected; they resume at the last transaction that they know, and must then
// have the rows that a new client gets.
#include "script_runner.h"
#include "session/internal.h"

#include <jansson.h>
#include <stdlib.h>

#define N_ROUNDS   120
#define N_MONITORS 6
#define NO_ID      "00000000-0000-0000-0000-000000000000"

static const char withdrawn_reason[] = "transactions that it may have seen were withdrawn";

// Columns whose differences are their new values.
static const struct monitor_kind {
    char letter;
    const char *method;
    const char *requests;
} kinds[N_MONITORS] = {
    {'B', "monitor", "{\"Item\":{\"columns\":[\"name\",\"count\"]},\"Other\":{}}"},
    {'C', "monitor_cond", "{\"Item\":[{\"columns\":[\"count\"],\"where\":[[\"count\",\"<\",3]]}]}"},
    {'D', "monitor_cond_since", "{\"Item\":[{\"columns\":[\"name\",\"count\"]}],\"Other\":[{}]}"},
    {'E', "monitor_cond_since", "{\"Item\":[{\"columns\":[\"name\",\"count\"]}],\"Other\":[{}]}"},
    {'F', "monitor_cond_since",
     "{\"Item\":[{\"columns\":[\"count\"],\"where\":[[\"count\",\"==\",2],[\"name\",\"==\",\"3\"]]}"
     "]}"},
    {'G', "monitor_cond_since", "{\"Other\":[{\"columns\":[\"x\"]}]}"},
};

// What a client knows: {"TABLE/UUID": {COLUMN: VALUE}}, and the last transaction.
struct replica {
    json_t *rows;
    char last_txn_id[UUID_TEXT_SIZE];
};

struct fixture {
    struct script_runner runner;
    struct replica replicas[N_MONITORS];
};

static int below(int n)
{
    return (int)(random() % n);
}

static struct client *client_of(struct fixture *fixture, char letter)
{
    return &fixture->runner.clients[letter - 'A'];
}

static void run(struct fixture *fixture)
{
    while (server_run(fixture->runner.server, fixture->runner.now)) {
    }
    server_check_structures(fixture->runner.server);
}

// The next message to the client with its real UUIDs, or NULL.
static json_t *take(struct fixture *fixture, char letter)
{
    struct buf *output = &client_of(fixture, letter)->output;
    struct framer framer;
    size_t consumed;
    json_t *message;

    if (!output->size) {
        return NULL;
    }
    framer_init(&framer, SIZE_MAX);
    assert_int_equal(framer_feed(&framer, output->data, output->size, &consumed), FRAMER_DONE);
    message = json_loadb(output->data, consumed, 0, NULL);
    buf_consume(output, consumed);
    assert_non_null(message);
    return message;
}

// update2 leaves out default values of new rows, but not those that a row gets later.
static void remove_defaults(json_t *row)
{
    const char *column;
    json_t *value;
    void *next;

    json_object_foreach_safe(row, next, column, value)
    {
        if ((json_is_integer(value) && !json_integer_value(value)) ||
            (json_is_string(value) && !json_string_length(value))) {
            json_object_del(row, column);
        }
    }
}

static void apply_row(json_t *rows, const char *key, json_t *update)
{
    const char *kind = json_object_iter_key(json_object_iter(update));
    json_t *new = json_object_get(update, "new"), *row;

    if (!strcmp(kind, "initial") || !strcmp(kind, "insert")) {
        json_object_set(rows, key, json_object_get(update, kind));
    } else if (!strcmp(kind, "modify")) {
        row = json_object_get(rows, key);
        assert_non_null(row);
        json_object_update(row, json_object_get(update, kind));
    } else if (new) {
        json_object_set(rows, key, new);
    } else {
        json_object_del(rows, key); // "delete", and "old" without "new"
    }
    remove_defaults(json_object_get(rows, key));
}

static void apply(struct replica *replica, json_t *updates)
{
    const char *table, *uuid;
    json_t *rows, *update;

    json_object_foreach(updates, table, rows)
    {
        json_object_foreach(rows, uuid, update)
        {
            _cleanup_free_ char *key = xasprintf("%s/%s", table, uuid);

            apply_row(replica->rows, key, update);
        }
    }
}

// Update, update2, update3: [ID, UPDATES] or [ID, TXN, UPDATES].
static void apply_update(struct replica *replica, const json_t *params)
{
    size_t n = json_array_size(params);

    if (n == 3) {
        snprintf(replica->last_txn_id, sizeof(replica->last_txn_id), "%s",
                 json_string_value(json_array_get(params, 1)));
    }
    apply(replica, json_array_get(params, n - 1));
}

// The client reads its output.
static void read_all(struct fixture *fixture, size_t i)
{
    json_t *message;

    while ((message = take(fixture, kinds[i].letter))) {
        assert_non_null(json_object_get(message, "params"));
        apply_update(&fixture->replicas[i], json_object_get(message, "params"));
        json_decref(message);
    }
}

static void send_monitor(struct fixture *fixture, char letter, const struct monitor_kind *kind,
                         const char *last_txn_id)
{
    bool is_since = !strcmp(kind->method, "monitor_cond_since");
    _cleanup_free_ char *request = xasprintf(
        "{\"id\":\"m\",\"method\":\"%s\",\"params\":[\"shop\",\"m\",%s%s%s%s]}", kind->method,
        kind->requests, is_since ? ",\"" : "", is_since ? last_txn_id : "", is_since ? "\"" : "");

    runner_send(&fixture->runner, letter, request);
    run(fixture);
}

// Applies the reply to send_monitor(). Returns true if it holds the changes since a transaction.
static bool apply_reply(struct fixture *fixture, char letter, struct replica *replica)
{
    json_t *message = take(fixture, letter), *result = json_object_get(message, "result");
    bool found = json_is_array(result) && json_is_true(json_array_get(result, 0));

    assert_non_null(result);
    if (!found) {
        json_decref(replica->rows);
        replica->rows = json_object();
    }
    if (json_is_array(result)) {
        snprintf(replica->last_txn_id, sizeof(replica->last_txn_id), "%s",
                 json_string_value(json_array_get(result, 1)));
        result = json_array_get(result, 2);
    }
    apply(replica, result);
    json_decref(message);
    return found;
}

// Connects a client, which resumes at the last transaction that it knows.
static bool resume(struct fixture *fixture, size_t i)
{
    runner_open(&fixture->runner, kinds[i].letter, "");
    send_monitor(fixture, kinds[i].letter, &kinds[i], fixture->replicas[i].last_txn_id);
    return apply_reply(fixture, kinds[i].letter, &fixture->replicas[i]);
}

static void check_replica(struct fixture *fixture, size_t i)
{
    struct replica fresh = {.rows = json_object()};

    runner_open(&fixture->runner, 'H', "");
    send_monitor(fixture, 'H', &kinds[i], NO_ID);
    assert_false(apply_reply(fixture, 'H', &fresh));
    if (!json_equal(fresh.rows, fixture->replicas[i].rows)) {
        fail_msg("%c: %s instead of %s", kinds[i].letter,
                 json_dumps(fixture->replicas[i].rows, JSON_SORT_KEYS),
                 json_dumps(fresh.rows, JSON_SORT_KEYS));
    }
    json_decref(fresh.rows);
    runner_close(&fixture->runner, 'H');
}

static void transact(struct fixture *fixture, const char *operations)
{
    _cleanup_free_ char *request =
        xasprintf("{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\",%s]}", operations);

    runner_send(&fixture->runner, 'A', request);
    json_decref(take(fixture, 'A'));
}

static void transact_randomly(struct fixture *fixture)
{
    _cleanup_free_ char *operations = NULL;
    int name = below(8), count = below(5);

    switch (below(6)) {
    case 0:
        operations = xasprintf(
            "{\"op\":\"delete\",\"table\":\"Item\",\"where\":[[\"name\",\"==\","
            "\"%d\"]]},{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":"
            "\"%d\",\"count\":%d}}",
            name, name, count);
        break;
    case 1:
        operations = xasprintf(
            "{\"op\":\"delete\",\"table\":\"Item\",\"where\":[[\"name\",\"==\",\"%d\"]]}", name);
        break;
    case 2:
        operations = xasprintf("{\"op\":\"insert\",\"table\":\"Other\",\"row\":{\"x\":%d}}", count);
        break;
    case 3:
        operations = xasprintf(
            "{\"op\":\"delete\",\"table\":\"Other\",\"where\":[[\"x\",\"==\",%d]]}", count);
        break;
    default:
        operations = xasprintf(
            "{\"op\":\"update\",\"table\":\"Item\",\"where\":[[\"name\",\"==\","
            "\"%d\"]],\"row\":{\"count\":%d}}",
            name, count);
        break;
    }
    transact(fixture, operations);
}

// Transactions, while clients become slow and read again.
static void step_randomly(struct fixture *fixture)
{
    struct client *client = client_of(fixture, kinds[below(N_MONITORS)].letter);

    switch (below(6)) {
    case 0:
        client->backlog = RUNNER_SLOW;
        break;
    case 1:
        client->backlog = 0;
        session_output_drained(client->session);
        break;
    case 2:
        run(fixture);
        break;
    default:
        transact_randomly(fixture);
        break;
    }
}

// Everything is stored: the clients that read have the updates.
static void settle(struct fixture *fixture)
{
    run(fixture);
    for (size_t i = 0; i < N_MONITORS; i++) {
        read_all(fixture, i);
        if (!client_of(fixture, kinds[i].letter)->backlog) {
            check_replica(fixture, i);
        }
    }
}

static void lose_output(struct fixture *fixture)
{
    for (size_t i = 0; i < N_MONITORS; i++) {
        struct client *client = client_of(fixture, kinds[i].letter);

        assert_string_equal(client->close_reason, withdrawn_reason);
        runner_close(&fixture->runner, kinds[i].letter);
    }
}

// A client that claims to have seen a withdrawn transaction.
static void claim_withdrawn(struct fixture *fixture, struct uuid txn_id)
{
    struct replica *replica = &fixture->replicas[2];

    runner_close(&fixture->runner, kinds[2].letter);
    uuid_text(txn_id, replica->last_txn_id);
    json_object_set_new(replica->rows, "nonsense", json_null());
    assert_false(resume(fixture, 2));
    check_replica(fixture, 2);
}

static void undo_round(struct fixture *fixture)
{
    struct db *db = fixture->runner.dbs[0];
    struct changeset *last;
    struct uuid withdrawn;

    for (int n = below(10); n; n--) {
        step_randomly(fixture);
    }
    settle(fixture);
    last = changeset_ref(db_tail(db));
    for (int n = 1 + below(20); n; n--) {
        step_randomly(fixture);
    }
    transact(fixture, "{\"op\":\"insert\",\"table\":\"Other\",\"row\":{}}");
    withdrawn = db_tail(db)->txn_id;
    server_undo(fixture->runner.server, db, last);
    server_check_structures(fixture->runner.server);
    assert_ptr_equal(db_tail(db), last);
    changeset_unref(last);
    assert_string_equal(client_of(fixture, 'A')->close_reason, "");
    lose_output(fixture);
    for (size_t i = 0; i < N_MONITORS; i++) {
        bool is_since = !strcmp(kinds[i].method, "monitor_cond_since");

        assert_int_equal(resume(fixture, i), is_since);
        check_replica(fixture, i);
    }
    claim_withdrawn(fixture, withdrawn);
}

static void test_random(void **state)
{
    struct fixture fixture = {0};

    srandom(1);
    runner_init(&fixture.runner);
    runner_open(&fixture.runner, 'A', "");
    transact(&fixture, "{\"op\":\"insert\",\"table\":\"Other\",\"row\":{}}");
    for (size_t i = 0; i < N_MONITORS; i++) {
        fixture.replicas[i].rows = json_object();
        strcpy(fixture.replicas[i].last_txn_id, NO_ID);
        assert_false(resume(&fixture, i));
    }
    for (int round = 0; round < N_ROUNDS; round++) {
        undo_round(&fixture);
    }
    for (size_t i = 0; i < N_MONITORS; i++) {
        json_decref(fixture.replicas[i].rows);
    }
    runner_done(&fixture.runner);
}

// The initial contents of a large table are in progress. They may be those of the time before the
// withdrawn commits.
static void test_initial_contents(void **state)
{
    struct fixture fixture = {0};
    struct script_runner *runner = &fixture.runner;
    _cleanup_buf_ struct buf operations = {0};
    struct changeset *last;

    runner_init(runner);
    runner_open(runner, 'A', "");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&operations,
                   "%s{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"%d\"}}",
                   i ? "," : "", i);
    }
    transact(&fixture, buf_cstr(&operations));
    last = changeset_ref(db_tail(runner->dbs[0]));
    for (int n_runs = 0; n_runs < 8; n_runs++) {
        bool more = true;

        runner_open(runner, 'B', "");
        runner_open(runner, 'C', "");
        for (char letter = 'B'; letter <= 'C'; letter++) {
            runner_send(runner, letter,
                        "{\"id\":1,\"method\":\"monitor\",\"params\":[\"shop\",1,{\"Item\":{}}]}");
        }
        assert_true(runner->clients[1].is_held);
        for (int i = 0; i < n_runs && more; i++) {
            more = server_run(runner->server, runner->now);
        }
        assert_true(more);
        transact(&fixture,
                 "{\"op\":\"update\",\"table\":\"Item\",\"where\":[],\"row\":{\"count\":"
                 "1}}");
        server_undo(runner->server, runner->dbs[0], last);
        server_check_structures(runner->server);
        for (char letter = 'B'; letter <= 'C'; letter++) {
            assert_string_equal(client_of(&fixture, letter)->close_reason, withdrawn_reason);
            assert_int_equal(client_of(&fixture, letter)->output.size, 0);
            runner_close(runner, letter);
        }
    }
    changeset_unref(last);
    runner_done(runner);
}

static void expect(struct script_runner *runner, char letter, const char *expected)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    assert_non_null(message);
    assert_string_equal(message, expected);
}

// Clients without a monitor of the database stay: one with a transaction that waits until a table
// is empty again, one with a lock and a monitor of another database.
static void test_others_stay(void **state)
{
    struct script_runner runner;
    struct changeset *last;

    runner_init(&runner);
    runner_add_db(&runner, "bar");
    for (char letter = 'A'; letter <= 'C'; letter++) {
        runner_open(&runner, letter, "");
    }
    last = changeset_ref(db_tail(runner.dbs[0]));
    runner_send(&runner, 'A',
                "{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\","
                "\"table\":\"Other\",\"row\":{}}]}");
    runner_send(&runner, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\",\"table\":"
                "\"Other\",\"where\":[],\"columns\":[\"x\"],\"until\":\"==\",\"rows\":[]}]}");
    runner_send(&runner, 'C', "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    runner_send(&runner, 'C',
                "{\"id\":2,\"method\":\"monitor\",\"params\":[\"bar\",\"m\",{\"Other\":{}}]}");
    expect(&runner, 'C', "{\"error\":null,\"id\":1,\"result\":{\"locked\":true}}");
    expect(&runner, 'C', "{\"error\":null,\"id\":2,\"result\":{}}");
    assert_null(runner_take(&runner, 'B'));
    server_undo(runner.server, runner.dbs[0], last);
    server_check_structures(runner.server);
    server_run(runner.server, runner.now);
    expect(&runner, 'B', "{\"error\":null,\"id\":1,\"result\":[{}]}");
    for (char letter = 'A'; letter <= 'C'; letter++) {
        assert_string_equal(runner.clients[letter - 'A'].close_reason, "");
    }
    assert_null(runner_take(&runner, 'C'));
    changeset_unref(last);
    runner_done(&runner);
}

// Nothing is withdrawn, and no client is disconnected.
static void test_nothing(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    runner_open(&runner, 'A', "");
    runner_send(&runner, 'A',
                "{\"id\":1,\"method\":\"monitor\",\"params\":[\"shop\",\"m\",{\"Other\":{}}]}");
    server_undo(runner.server, runner.dbs[0], db_tail(runner.dbs[0]));
    assert_string_equal(runner.clients[0].close_reason, "");
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_initial_contents),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
