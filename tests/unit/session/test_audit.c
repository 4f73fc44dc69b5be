// SPDX-License-Identifier: Apache-2.0
// The audit: its rules, and the log message of an audited commit.
#include "session/audit.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "engine/txn.h"
#include "script_runner.h"

static unsigned n_entries;
static char *last_message;     // of the last commit that was logged
static struct buf last_fields; // "NAME=VALUE\n" of each field

static void on_log(const struct log_record *record)
{
    if (!record->message_id || strcmp(record->message_id, MSG_TRANSACTION)) {
        return;
    }
    n_entries++;
    free(last_message);
    last_message = xstrdup(record->message);
    buf_clear(&last_fields);
    for (const struct log_field *field = record->fields; field->name; field++) {
        buf_printf(&last_fields, "%s=%s\n", field->name, field->value);
    }
}

static void begin(struct script_runner *runner, const struct session_options *options)
{
    n_entries = 0;
    log_set_sink(on_log);
    runner_init(runner);
    runner_open_with(runner, 'A', options);
}

static void end(struct script_runner *runner)
{
    runner_done(runner);
    log_set_sink(NULL);
    free(last_message);
    last_message = NULL;
    buf_done(&last_fields);
}

// Runs a transaction with these operations, which are text of a JSON array.
static void transact(struct script_runner *runner, const char *operations)
{
    _cleanup_free_ char *request =
        xasprintf("{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\",%s]}", operations);
    _cleanup_free_ char *reply = NULL;

    runner_send(runner, 'A', request);
    reply = runner_take(runner, 'A');
    assert_non_null(reply);
}

#define INSERT_OTHER(n)                                                                            \
    "{\"op\":\"insert\",\"table\":\"Other\",\"uuid\":\"22222222-0000-0000-0000-00000000000" n      \
    "\",\"row\":{}}"

static void assert_field(const char *field)
{
    _cleanup_free_ char *line = xasprintf("%s\n", field);

    if (!strstr(buf_cstr(&last_fields), line)) {
        fail_msg("no %s in %s", field, buf_cstr(&last_fields));
    }
}

static void assert_no_field(const char *name)
{
    assert_null(strstr(buf_cstr(&last_fields), name));
}

static void put_rule(void *userdata, const char *db, const char *table, bool on)
{
    buf_printf(userdata, "%s%s:%s", on ? "+" : "-", db, table ? table : "*");
}

static void assert_rules(const struct server *server, const char *expected)
{
    _cleanup_buf_ struct buf rules = {0};

    audit_visit(server, put_rule, &rules);
    assert_slice_is(buf_slice(&rules), expected);
}

static void test_rules(void **state)
{
    struct script_runner runner;
    struct server *server;

    runner_init(&runner);
    server = runner.server;
    assert_rules(server, "");
    assert_false(audit_is_on(server, "shop", "Item"));
    audit_set(server, "shop", "Item", false);
    audit_set(server, "zoo", "Cage", true);
    assert_rules(server, "-shop:Item+zoo:Cage");
    audit_set(server, "shop", NULL, true); // replaces the rule of the table
    assert_rules(server, "+shop:*+zoo:Cage");
    assert_true(audit_is_on(server, "shop", "Item"));
    audit_set(server, "shop", "Item", false);
    assert_false(audit_is_on(server, "shop", "Item"));
    assert_true(audit_is_on(server, "shop", "Part"));
    assert_true(audit_is_on(server, "zoo", "Cage"));
    assert_false(audit_is_on(server, "zoo", "Other"));
    assert_rules(server, "+shop:*+zoo:Cage-shop:Item"); // those of whole databases come first
    audit_set(server, "shop", "Item", true);
    assert_true(audit_is_on(server, "shop", "Item"));
    audit_configure(server, "shop:Item,,zoo");
    assert_rules(server, "+zoo:*+shop:Item");
    audit_configure(server, "");
    assert_rules(server, "");
    runner_done(&runner);
}

static void test_rules_select_the_commits(void **state)
{
    struct script_runner runner;

    begin(&runner, &(struct session_options){.name = "A"});
    transact(&runner, INSERT_OTHER("1"));
    assert_int_equal(n_entries, 0); // off by default
    audit_set(runner.server, "shop", "Other", true);
    transact(&runner, "{\"op\":\"insert\",\"table\":\"Item\",\"row\":{}}"); // of another table
    transact(&runner, "{\"op\":\"select\",\"table\":\"Other\",\"where\":[]}");
    transact(&runner, INSERT_OTHER("2") ",{\"op\":\"abort\"}");
    assert_int_equal(n_entries, 0);
    transact(&runner, INSERT_OTHER("3")
             ",{\"op\":\"delete\",\"table\":\"Other\",\"where\":[[\"_uuid\",\"==\",[\"uuid\","
             "\"22222222-0000-0000-0000-000000000001\"]]]},"
             "{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"x\"}}");
    assert_int_equal(n_entries, 1);
    assert_field("OVSDB_DATABASE=shop");
    assert_field("OVSDB_TABLE=Other");
    assert_field("OVSDB_SESSION=A");
    assert_field("OVSDB_ROW=Other insert 22222222-0000-0000-0000-000000000003");
    assert_field("OVSDB_ROW=Other delete 22222222-0000-0000-0000-000000000001");
    assert_no_field("Item");
    assert_no_field("OVSDB_PEER_UID");
    assert_no_field("OVSDB_CLIENT_ID");
    assert_no_field("OVSDB_COMMENT");
    assert_non_null(strstr(last_message, " of A: "));
    transact(&runner, "{\"op\":\"update\",\"table\":\"Other\",\"where\":[],\"row\":{\"x\":1}}");
    assert_field("OVSDB_ROW=Other modify 22222222-0000-0000-0000-000000000003");
    assert_int_equal(n_entries, 2);
    end(&runner);
}

static void test_authors(void **state)
{
    static const struct {
        struct session_options options;
        const char *text;
    } cases[] = {
        {{.name = "unix#1", .peer = {true, 7, 99}}, " of unix#1 (uid 7, pid 99): "},
        {{.name = "unix#1", .peer = {true, 7, 0}}, " of unix#1 (uid 7): "},
        {{.name = "ssl:1", .client_id = "hv1"}, " of ssl:1 (hv1): "},
    };
    struct script_runner runner;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(&runner, &cases[i].options);
        audit_set(runner.server, "shop", NULL, true);
        transact(&runner, INSERT_OTHER("1"));
        assert_int_equal(n_entries, 1);
        assert_non_null(strstr(last_message, cases[i].text));
        end(&runner);
    }
}

static void test_fields_of_the_author(void **state)
{
    struct script_runner runner;

    begin(&runner, &(struct session_options){.name = "unix#1",
                                             .remote = "punix:db.sock",
                                             .peer = {true, 7, 99},
                                             .client_id = "hv1"});
    audit_set(runner.server, "shop", NULL, true);
    transact(&runner, INSERT_OTHER("1"));
    assert_field("OVSDB_SESSION=unix#1");
    assert_field("OVSDB_REMOTE=punix:db.sock");
    assert_field("OVSDB_CLIENT_ID=hv1");
    assert_field("OVSDB_PEER_UID=7");
    assert_field("OVSDB_PEER_PID=99");
    end(&runner);
}

// Commits that no client made, for example of a status column.
static void test_commit_of_the_server(void **state)
{
    struct script_runner runner;
    const struct table_schema *table;
    struct changeset *changes;
    struct txn *txn;
    uint64_t position;

    begin(&runner, &(struct session_options){.name = "A"});
    audit_set(runner.server, "shop", NULL, true);
    txn = txn_new(runner.dbs[0]);
    table = schema_find_table(db_schema(runner.dbs[0]), SLICE("Other"));
    txn_insert(txn, table, (struct uuid){1, 2});
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    assert_int_equal(n_entries, 1);
    assert_non_null(strstr(last_message, " of the server itself: "));
    assert_no_field("OVSDB_SESSION");
    end(&runner);
}

static void test_comment(void **state)
{
    struct script_runner runner;
    _cleanup_buf_ struct buf operations = {0};

    begin(&runner, &(struct session_options){.name = "A"});
    audit_set(runner.server, "shop", NULL, true);
    transact(&runner, INSERT_OTHER("1") ",{\"op\":\"comment\",\"comment\":\"two\\nlines\"}");
    assert_field("OVSDB_COMMENT=two\nlines");
    assert_non_null(strstr(last_message, "; comment: two lines"));
    // The message is cut at a whole character, the field is not.
    buf_puts(&operations, INSERT_OTHER("2") ",{\"op\":\"comment\",\"comment\":\"");
    for (int i = 0; i < 499; i++) {
        buf_putc(&operations, 'c');
    }
    buf_puts(&operations, "\xc3\xa4 end\"}");
    transact(&runner, buf_cstr(&operations));
    assert_string_equal(last_message + strlen(last_message) - 5, "cc...");
    assert_non_null(strstr(buf_cstr(&last_fields), "cc\xc3\xa4 end\n"));
    end(&runner);
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, part)); p += strlen(part)) {
        n++;
    }
    return n;
}

static void test_many_rows(void **state)
{
    struct script_runner runner;
    _cleanup_buf_ struct buf operations = {0};

    begin(&runner, &(struct session_options){.name = "A"});
    audit_set(runner.server, "shop", NULL, true);
    for (int i = 0; i < 23; i++) {
        buf_printf(&operations, "%s{\"op\":\"insert\",\"table\":\"Other\",\"row\":{\"x\":%d}}",
                   i ? "," : "", i);
    }
    transact(&runner, buf_cstr(&operations));
    assert_int_equal(count(buf_cstr(&last_fields), "OVSDB_ROW="), 20);
    assert_int_equal(count(last_message, "Other insert "), 20);
    assert_string_equal(last_message + strlen(last_message) - strlen(" and 3 more"), " and 3 more");
    end(&runner);
}

static void test_withdrawn(void **state)
{
    struct script_runner runner;
    struct changeset *last;
    char txn[UUID_TEXT_SIZE];
    _cleanup_free_ char *field = NULL;

    begin(&runner, &(struct session_options){.name = "A"});
    audit_set(runner.server, "shop", "Other", true);
    last = changeset_ref(db_tail(runner.dbs[0]));
    transact(&runner, INSERT_OTHER("1"));
    transact(&runner, "{\"op\":\"insert\",\"table\":\"Item\",\"row\":{}}"); // of another table
    assert_int_equal(n_entries, 1);
    field = xasprintf("OVSDB_TXN=%s", uuid_text(last->next->txn_id, txn));
    server_undo(runner.server, runner.dbs[0], last);
    assert_int_equal(n_entries, 2);
    assert_field("OVSDB_DATABASE=shop");
    assert_field(field);
    assert_non_null(strstr(last_message, "was withdrawn"));
    changeset_unref(last);
    end(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rules_select_the_commits),
        cmocka_unit_test(test_authors),
        cmocka_unit_test(test_fields_of_the_author),
        cmocka_unit_test(test_commit_of_the_server),
        cmocka_unit_test(test_comment),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_withdrawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
