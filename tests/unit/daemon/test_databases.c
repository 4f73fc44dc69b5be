// SPDX-License-Identifier: Apache-2.0
// Observers are called when a database is added, converted and removed.
#include "daemon/databases/databases.h"
#include "schema_file.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/ovsdbd-databases-XXXXXX";

struct listener {
    struct databases_observer observer;
    struct buf heard;
};

static const char *version_of(const struct db *db)
{
    return db ? db_schema(db)->version : "none";
}

static void on_changed(struct databases_observer *observer, struct db *old, struct db *new)
{
    struct listener *listener = CONTAINER_OF(observer, struct listener, observer);

    buf_printf(&listener->heard, "%s->%s ", version_of(old), version_of(new));
}

static void expect(struct listener *listener, const char *expected)
{
    assert_slice_is(buf_slice(&listener->heard), expected);
    buf_clear(&listener->heard);
}

static void on_send(void *userdata, struct slice text, struct position position)
{
    buf_put_slice(userdata, text);
}

static size_t no_backlog(void *userdata)
{
    return 0;
}

static void ignore_close(void *userdata, const char *reason)
{
}

// Converts the database as a client and checks the reply.
static void convert(struct server *server, struct databases *databases, const char *schema,
                    const char *expected)
{
    static const struct session_sink sink = {
        .send = on_send, .backlog = no_backlog, .close = ignore_close};
    const struct session_options options = {.name = "test"};
    _cleanup_buf_ struct buf request = {0};
    _cleanup_buf_ struct buf reply = {0};
    struct session *session = session_new(server, &sink, &reply, &options);

    buf_printf(&request, "{\"id\":1,\"method\":\"convert\",\"params\":[\"d\",%s]}", schema);
    session_receive(session, buf_slice(&request), 0);
    while (databases_run(databases)) {
    }
    assert_non_null(strstr(buf_cstr(&reply), expected));
    session_free(session);
}

static void test_observers_are_called(void **state)
{
    _cleanup_free_ char *path = xasprintf("%s/d.db", folder);
    _cleanup_free_ char *lock = xasprintf("%s/.d.db.~lock~", folder);
    struct group_commit *group_commit = group_commit_new(NULL, NULL);
    struct server *server = server_new(uuid_random);
    struct databases *databases = databases_new(server, group_commit);
    struct listener listener = {.observer.changed = on_changed};
    struct failure *failure;
    _cleanup_schema_ struct schema *schema = schema_of_file("daemon/one-table.ovsschema");
    _cleanup_schema_ struct schema *newer = schema_of_file("daemon/one-table-2.ovsschema");

    assert_null(store_create(path, schema));
    databases_on_change(databases, &listener.observer);

    assert_null(databases_add(databases, path, NULL, false));
    expect(&listener, "none->1.0.0 ");
    failure = databases_add(databases, path, NULL, false);
    assert_int_equal(failure_kind(failure), FAILURE_BUSY); // it is already open
    failure_free(failure);
    expect(&listener, "");
    convert(server, databases, newer->json->data, "\"result\":{}");
    expect(&listener, "1.0.0->2.0.0 ");
    convert(server, databases, "{\"name\":\"e\",\"tables\":{}}", "the database d");
    expect(&listener, "");
    assert_true(databases_remove(databases, "d", NULL, NULL));
    expect(&listener, "2.0.0->none ");
    databases_observer_remove(&listener.observer);
    assert_null(databases_add(databases, path, NULL, false));
    databases_free(databases);
    expect(&listener, "");

    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(lock), 0);
    server_free(server);
    group_commit_free(group_commit);
    buf_done(&listener.heard);
}

// Without the functions of clusters, as in a server that is built without libraft.
static void test_clustered_files_are_refused(void **state)
{
    struct server *server = server_new(uuid_random);
    struct databases *databases = databases_new(server, NULL);
    struct failure *failure =
        databases_add(databases, DATA_FOLDER "/cluster/member-a.db", NULL, false);

    assert_non_null(failure);
    assert_non_null(strstr(failure_text(failure), "built without libraft"));
    failure_free(failure);
    databases_free(databases);
    server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_observers_are_called),
        cmocka_unit_test(test_clustered_files_are_refused),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    r = cmocka_run_group_tests_name("databases", tests, NULL, NULL);
    if (rmdir(folder)) {
        perror(folder); // a file is left
        return 1;
    }
    return r;
}
