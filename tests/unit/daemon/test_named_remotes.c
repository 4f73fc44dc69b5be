// SPDX-License-Identifier: Apache-2.0
// Reads remotes with settings from rows of a database, and writes reports into these rows.
#include "daemon/remotes/named.h"
#include "daemon/remotes/report.h"
#include "engine/transact.h"
#include "engine/txn.h"
#include "engine/undo.h"
#include "schema_file.h"

#include "basic/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/ovsdbd-db-remotes-XXXXXX";

struct fixture {
    struct group_commit *group_commit;
    struct server *server;
    struct databases *databases;
    char *path;
    unsigned n_changes;
};

static void on_changed(void *userdata)
{
    struct fixture *fixture = userdata;

    fixture->n_changes++;
}

static int setup(void **state)
{
    struct fixture *fixture = NEW(struct fixture);
    _cleanup_schema_ struct schema *schema = schema_of_file("daemon/named-remotes.ovsschema");

    fixture->path = xasprintf("%s/d.db", folder);
    assert_null(store_create(fixture->path, schema));
    fixture->group_commit = group_commit_new(NULL, NULL);
    fixture->server = server_new(uuid_random);
    fixture->databases = databases_new(fixture->server, fixture->group_commit);
    assert_null(databases_add(fixture->databases, fixture->path, NULL, false));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *lock = xasprintf("%s/.d.db.~lock~", folder);

    databases_free(fixture->databases);
    server_free(fixture->server);
    group_commit_free(fixture->group_commit);
    unlink(fixture->path);
    unlink(lock);
    free(lock);
    free(fixture->path);
    free(fixture);
    return 0;
}

static struct db *db_of(struct fixture *fixture)
{
    return store_db(databases_find(fixture->databases, "d"));
}

// Runs operations, without the brackets around them.
static void transact(struct fixture *fixture, const char *operations)
{
    _cleanup_free_ char *params = xasprintf("[\"d\",%s]", operations);
    const struct transact_request request = {.params = slice_of(params)};
    _cleanup_buf_ struct buf result = {0};
    enum transact_status status;
    struct transact_result outcome;

    assert_null(transact_run(db_of(fixture), &request, &result, &status, &outcome));
    assert_int_equal(status, TRANSACT_DONE);
    if (outcome.failed) {
        fail_msg("%s", buf_cstr(&result));
    }
}

static struct db_column *follow(struct fixture *fixture, const char *spec)
{
    struct db_column *column;

    assert_no_failure(db_column_new(spec, fixture->databases, named_remotes_refusal, on_changed,
                                    fixture, &column));
    return column;
}

static void test_refused_columns(void **state)
{
    static const struct {
        const char *spec;
        const char *error;
    } table[] = {
        {"db:", "invalid syntax"},
        {"db:d", "invalid syntax"},
        {"db:d,C", "invalid syntax"},
        {"db:d,C,", "invalid syntax"},
        {"db:d,,strings", "invalid syntax"},
        {"db:,C,strings", "invalid syntax"},
        {"db:d,C,strings,", "invalid syntax"},
        {"db:e,C,strings", "no database named e"},
        {"db:d,D,strings", "no table named D"},
        {"db:d,C,string", "table \"C\" has no column \"string\""},
        {"db:d,C,integer", "holds neither strings nor references"},
        {"db:d,C,map", "holds neither strings nor references"},
        {"db:d,C,_uuid", "holds neither strings nor references"},
        {"db:d,C,bad", "table \"B\" has no column \"target\" of strings"},
        {"db:d,C,none", "table \"C\" has no column \"target\" of strings"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct db_column *column;
        _cleanup_failure_ struct failure *failure = db_column_new(
            table[i].spec, fixture->databases, named_remotes_refusal, on_changed, fixture, &column);

        assert_non_null(failure);
        assert_non_null(strstr(failure_text(failure), table[i].spec));
        if (!strstr(failure_text(failure), table[i].error)) {
            fail_msg("%s: %s", table[i].spec, failure_text(failure));
        }
    }
}

// The remotes that a column names, as text.
static void expect_named(const struct db_column *column, const char *expected)
{
    struct buf text = {0};
    size_t n;
    struct named_remote *named = named_remotes_read(column, &n);

    for (size_t i = 0; i < n; i++) {
        const struct remote_settings *settings = &named[i].settings;

        buf_printf(&text, "%s %lld %llu %d%s %s\n", named[i].target,
                   (long long)settings->options.probe_interval_ms,
                   (unsigned long long)settings->options.max_backoff_ms, settings->options.dscp,
                   settings->read_only ? " read-only" : "", settings->role ? settings->role : "-");
        assert_true(!named[i].row == !strcmp(column->column_name, "strings"));
    }
    assert_slice_is(buf_slice(&text), expected);
    buf_done(&text);
    free(named);
}

static void test_columns_of_strings(void **state)
{
    struct fixture *fixture = *state;
    struct db_column *column = follow(fixture, "db:d,C,strings");

    expect_named(column, "");
    transact(fixture,
             "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"strings\":[\"set\",[\"b\",\"a\","
             "\"\"]]}},{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"strings\":[\"set\","
             "[\"b\",\"c\"]]}}");
    assert_int_equal(fixture->n_changes, 1);
    expect_named(column, "a -1 0 -1 -\nb -1 0 -1 -\nc -1 0 -1 -\n");
    transact(fixture, "{\"op\":\"insert\",\"table\":\"B\",\"row\":{}}");
    assert_int_equal(fixture->n_changes, 1);
    db_column_free(column);
}

#define ROW(name, members)                                                                         \
    "{\"op\":\"insert\",\"table\":\"M\",\"uuid-name\":\"" name "\",\"row\":{\"target\":\"" name    \
    "\"" members "}},"

static void test_columns_of_references(void **state)
{
    struct fixture *fixture = *state;
    struct db_column *column = follow(fixture, "db:d,C,rows");

    transact(fixture,
             ROW("a", ",\"max_backoff\":20000,\"inactivity_probe\":0,\"read_only\":true,"
                      "\"role\":\"r\",\"other_config\":[\"map\",[[\"dscp\",\"63\"]]]")
             ROW("b", ",\"max_backoff\":1,\"inactivity_probe\":1,"
                      "\"other_config\":[\"map\",[[\"dscp\",\"64\"]]]")
             ROW("c", ",\"max_backoff\":-1,\"inactivity_probe\":-1,"
                      "\"other_config\":[\"map\",[[\"dscp\",\"1x\"]]]")
             ROW("d", ",\"max_backoff\":0,\"other_config\":[\"map\",[[\"other\",\"1\"]]]")
             "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"rows\":[\"set\",[[\"named-uuid\",\"a\"],"
             "[\"named-uuid\",\"b\"],[\"named-uuid\",\"c\"],[\"named-uuid\",\"d\"]]]}},"
             "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"rows\":[\"named-uuid\",\"a\"]}}");
    expect_named(column,
                 "a 0 20000 63 read-only r\n"
                 "b 1000 1000 -1 \n"
                 "c -1 0 -1 \n"
                 "d -1 0 -1 \n");
    transact(fixture,
             "{\"op\":\"update\",\"table\":\"M\",\"where\":[[\"target\",\"!=\",\"d\"]],"
             "\"row\":{\"target\":\"\"}}");
    assert_int_equal(fixture->n_changes, 2);
    expect_named(column, "d -1 0 -1 \n");
    db_column_free(column);
}

static void test_withdrawn_commits(void **state)
{
    struct fixture *fixture = *state;
    struct db_column *column = follow(fixture, "db:d,C,strings");
    struct changeset *last;

    transact(fixture, "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"strings\":\"a\"}}");
    last = changeset_ref(db_tail(db_of(fixture)));
    transact(fixture, "{\"op\":\"insert\",\"table\":\"B\",\"row\":{}}");
    assert_int_equal(fixture->n_changes, 1);
    db_undo(db_of(fixture), last); // of another table
    assert_int_equal(fixture->n_changes, 1);
    transact(fixture, "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"strings\":\"b\"}}");
    transact(fixture, "{\"op\":\"delete\",\"table\":\"C\",\"where\":[]}");
    assert_int_equal(fixture->n_changes, 3);
    expect_named(column, "");
    db_undo(db_of(fixture), last);
    assert_int_equal(fixture->n_changes, 4);
    expect_named(column, "a -1 0 -1 -\n");
    changeset_unref(last);
    db_column_free(column);
}

static void test_database_removed_and_added(void **state)
{
    struct fixture *fixture = *state;
    struct db_column *column = follow(fixture, "db:d,C,strings");

    transact(fixture, "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"strings\":\"a\"}}");
    assert_true(databases_remove(fixture->databases, "d", NULL, NULL));
    assert_int_equal(fixture->n_changes, 2);
    expect_named(column, "");
    assert_null(databases_add(fixture->databases, fixture->path, NULL, false));
    assert_int_equal(fixture->n_changes, 3);
    expect_named(column, "a -1 0 -1 -\n");
    db_column_free(column);
}

// Writes a report into the row and checks that it then equals the row. Compares the row, without
// seconds, with the expected text.
static void check_report(struct db *db, const struct remote *remote, const char *error,
                         bool is_connected, const char *expected)
{
    const struct table_schema *table = schema_find_table(db_schema(db), SLICE("M"));
    const struct column *status = table_schema_find_column(table, SLICE("status"));
    const struct column *connected = table_schema_find_column(table, SLICE("is_connected"));
    size_t state = 0;
    struct row *row = table_next(db_table(db, table), &state);
    struct txn *txn = txn_new(db);
    struct remote_report report;
    struct changeset *changes;
    struct buf text = {0};
    uint64_t position;

    remote_report_init(&report, remote, error, 0);
    assert_true(remote_report_is_news(&report, row));
    remote_report_write(&report, txn_modify(txn, table, row->uuid));
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    state = 0;
    row = table_next(db_table(db, table), &state);
    assert_false(remote_report_is_news(&report, row));
    datum_put_text(&text, row_get(row, status), &status->type);
    assert_slice_is(buf_slice(&text), expected);
    assert_int_equal(row_get(row, connected).scalar.boolean, is_connected);
    buf_done(&text);
    remote_report_done(&report);
}

static void test_report(void **state)
{
    static const struct net_handler handler = {0};
    const struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct fixture *fixture = *state;
    struct db *db = db_of(fixture);
    struct remote *connector, *listener;
    struct net *net;
    sd_event *event;
    char *port;

    assert_true(sd_event_new(&event) >= 0);
    net = net_new(event, &handler, NULL);
    transact(fixture, ROW("a", ",\"is_connected\":true")
             "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"rows\":[\"named-uuid\",\"a\"]}}");
    check_report(db, NULL, "caf\xc3\xa9: no", false, "{last_error=\"caf??: no\", state=VOID}");
    assert_no_failure(remote_new(net, "tcp:127.0.0.1:1", &options, NULL, &connector));
    check_report(db, connector, NULL, false, "{state=BACKOFF}");
    assert_no_failure(remote_new(net, "ptcp:0:127.0.0.1", &options, NULL, &listener));
    port = xasprintf("{bound_port=\"%u\", sec_since_connect=\"0\", sec_since_disconnect=\"0\"}",
                     remote_bound_port(listener));
    check_report(db, listener, NULL, false, port);
    free(port);
    net_free(net);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_columns_of_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_columns_of_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdrawn_commits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_database_removed_and_added, setup, teardown),
        cmocka_unit_test_setup_teardown(test_report, setup, teardown),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
