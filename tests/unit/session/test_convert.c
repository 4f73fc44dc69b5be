// SPDX-License-Identifier: Apache-2.0
// The method "convert", with a converter that records its calls: the test ends each conversion.
#include "script_runner.h"

#define CONVERT(id, name)                                                                          \
    "{\"id\":" id ",\"method\":\"convert\",\"params\":[\"shop\",{\"name\":\"" name                 \
    "\",\"version\":\"2.0.0\",\"tables\":{}}]}"
#define TRANSACT(id, operations)                                                                   \
    "{\"id\":" id ",\"method\":\"transact\",\"params\":[\"shop\"," operations "]}"
#define DONE(id, result) "{\"error\":null,\"id\":" id ",\"result\":" result "}"

static unsigned n_conversions;
static struct db *converted; // the argument of the last call
static struct schema *wanted;

static void on_convert(void *userdata, struct db *db, struct schema *schema)
{
    n_conversions++;
    converted = db;
    schema_unref(wanted);
    wanted = schema_ref(schema);
}

static void begin(struct script_runner *runner)
{
    n_conversions = 0;
    runner_init(runner);
    server_set_converter(runner->server, &(struct server_converter){.convert = on_convert});
}

static void end(struct script_runner *runner)
{
    runner_done(runner);
    schema_unref(wanted);
    wanted = NULL;
}

// NULL: there must be no message.
static void expect(struct script_runner *runner, char letter, const char *expected)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    if (!message || !expected) {
        assert_ptr_equal(message, expected);
    } else {
        assert_string_equal(message, expected);
    }
}

// The next message must contain this text.
static void expect_part(struct script_runner *runner, char letter, const char *part)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    assert_non_null(message);
    if (!strstr(message, part)) {
        fail_msg("no \"%s\" in %s", part, message);
    }
}

static void test_refused(void **state)
{
    struct script_runner runner;

    begin(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "ro");
    runner_open_with(&runner, 'C',
                     &(struct session_options){.name = "C", .role = "r", .client_id = "hv1"});
    runner_send(&runner, 'A', CONVERT("1", "other"));
    expect_part(&runner, 'A', "the new schema is called other, the database shop");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"convert\",\"params\":[\"shop\"]}");
    expect_part(&runner, 'A', "params must be [<db-name>, <database-schema>]");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"convert\",\"params\":[\"shop\",{}]}");
    expect_part(&runner, 'A', "name");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"convert\",\"params\":[\"none\",{}]}");
    expect_part(&runner, 'A', "none");
    runner_send(&runner, 'B', CONVERT("1", "shop"));
    expect_part(&runner, 'B', "shop is read-only here");
    runner_send(&runner, 'C', CONVERT("1", "shop"));
    expect_part(&runner, 'C', "client \\\"hv1\\\" with role \\\"r\\\" may not convert");
    server_set_role(runner.server, runner.dbs[0], ROLE_BACKUP);
    runner_close(&runner, 'A');
    runner_open(&runner, 'A', "");
    runner_send(&runner, 'A', CONVERT("1", "shop"));
    expect_part(&runner, 'A', "shop is read-only here");
    assert_int_equal(n_conversions, 0);
    end(&runner);
}

// A failed conversion: the requests that waited for its end run with the former schema.
static void test_failed(void **state)
{
    struct ovsdb_error *error = error_new(ERROR_CONSTRAINT, "no room");
    struct script_runner runner;

    begin(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    runner_send(&runner, 'A', CONVERT("1", "shop"));
    assert_int_equal(n_conversions, 1);
    assert_ptr_equal(converted, runner.dbs[0]);
    assert_string_equal(wanted->version, "2.0.0");
    expect(&runner, 'A', NULL);
    runner_send(&runner, 'B', CONVERT("2", "shop"));
    expect_part(&runner, 'B', "shop is being converted already");
    runner_send(&runner, 'B', TRANSACT("3", "{\"op\":\"select\",\"table\":\"Item\",\"where\":[]}"));
    expect(&runner, 'B', DONE("3", "[{\"rows\":[]}]")); // reading goes on
    runner_send(&runner, 'B', TRANSACT("4", "5"));
    expect_part(&runner, 'B', "syntax error"); // fails in any case
    runner_send(&runner, 'B', TRANSACT("5", "{\"op\":\"insert\",\"table\":\"Other\",\"row\":{}}"));
    runner_send(&runner, 'B', TRANSACT("6", "{\"op\":6}"));
    expect(&runner, 'B', NULL);
    server_converted(runner.server, converted, NULL, error);
    while (server_run(runner.server, runner.now)) {
    }
    expect(&runner, 'A',
           "{\"error\":{\"details\":\"no room\",\"error\":\"constraint violation\"},\"id\":1,"
           "\"result\":null}");
    expect(&runner, 'B', DONE("5", "[{\"uuid\":[\"uuid\",\"?\"]}]"));
    expect_part(&runner, 'B', "syntax error");
    assert_string_equal(runner.clients[1].close_reason, "");
    error_free(error);
    end(&runner);
}

static void test_succeeded(void **state)
{
    struct script_runner runner;
    struct db *old;

    begin(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    runner_send(&runner, 'A', "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}");
    expect(&runner, 'A', DONE("0", "{}"));
    runner_send(&runner, 'A', CONVERT("1", "shop"));
    old = runner.dbs[0];
    runner.dbs[0] = db_new(wanted, uuid_random);
    server_converted(runner.server, old, runner.dbs[0], NULL);
    expect(&runner, 'A', DONE("1", "{}"));
    assert_string_equal(runner.clients[0].close_reason, "");
    assert_string_equal(runner.clients[1].close_reason, "a database was converted");
    db_free(old);
    end(&runner);
}

static void test_client_leaves(void **state)
{
    struct ovsdb_error *error = error_new(ERROR_CONSTRAINT, "no room");
    struct script_runner runner;

    begin(&runner);
    runner_open(&runner, 'A', "");
    runner_send(&runner, 'A', CONVERT("1", "shop"));
    runner_close(&runner, 'A');
    runner_open(&runner, 'A', "");
    runner_send(&runner, 'A', CONVERT("2", "shop")); // it goes on without the client
    expect_part(&runner, 'A', "being converted already");
    server_converted(runner.server, converted, NULL, error);
    expect(&runner, 'A', NULL);
    error_free(error);
    end(&runner);
}

static void test_database_is_removed(void **state)
{
    struct script_runner runner;

    begin(&runner);
    runner_open(&runner, 'A', "");
    runner_send(&runner, 'A', "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}");
    expect(&runner, 'A', DONE("0", "{}"));
    runner_send(&runner, 'A', CONVERT("1", "shop"));
    runner_remove_db(&runner, "shop");
    expect(&runner, 'A', "{\"error\":\"canceled\",\"id\":1,\"result\":null}");
    end(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_succeeded),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_database_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
