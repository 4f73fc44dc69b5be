// SPDX-License-Identifier: Apache-2.0
// Servers that none of the replicas can use.
#include "source_fixture.h"

static void send_server_deletion(struct fixture *f)
{
    exchange(f, "",
             "{\"id\":null,\"method\":\"update\",\"params\":[\"_Server\",{\"Database\":{\"" ROW2
             "\":{\"old\":{\"name\":\"db\"}}}}]}");
}

// The row of "db" in _Server at a member of the cluster `cid`.
static void send_cluster_row(struct fixture *f, bool is_update, const char *cid, int index,
                             const char *connected)
{
    _cleanup_free_ char *members =
        xasprintf("%s,\"cid\":[\"uuid\",\"%s\"],\"index\":%d", connected, cid, index);

    send_server_row(f, is_update, f->schema_text, members);
}

static void begin_cluster(struct fixture *f, const char *cid, int index, const char *connected)
{
    connect_again(f);
    buf_clear(&f->sent);
    send_cluster_row(f, false, cid, index, connected);
}

// A member that has not applied what another member had: it is left out until it has.
static void test_member_behind(void **state)
{
    struct fixture *f = *state;

    begin_cluster(f, ROW1, 9, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    send_cluster_row(f, true, ROW1, 12, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    begin_cluster(f, ROW1, 11, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_LEFT_OUT);
    assert_string_equal(replica_reason(f->replica),
                        "the server is behind: its index is 11, that of another one was 12");
    send_cluster_row(f, true, ROW1, 12, "true");
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    begin_cluster(f, ROW2, 3, "true"); // another cluster
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    connect_again(f);
    send_server_row(f, false, f->schema_text, "true"); // not clustered
    assert_int_equal(replica_state(f->replica), REPLICA_INITIAL);
    assert_null(f->reason);
}

static void assert_moves_on(struct fixture *f, const char *part)
{
    assert_non_null(f->reason);
    assert_non_null(strstr(f->reason, part));
    assert_false(source_is_usable(f->source));
    free(TAKE_PTR(f->reason));
}

// With other servers to connect to, a server that is of no use is given up.
static void test_moves_on(void **state)
{
    static const struct exclude nothing;
    struct fixture *f = *state;
    struct replica *other;

    source_set_alternatives(f->source, true);
    connect_again(f);
    exchange(f, FIRST_REQUESTS, "{\"id\":3,\"error\":null,\"result\":{}}");
    assert_moves_on(f, "does not have the database");
    begin_cluster(f, ROW1, 5, "false");
    assert_moves_on(f, "not connected");
    begin_cluster(f, ROW1, 5, "true");
    assert_null(f->reason);
    send_cluster_row(f, true, ROW1, 6, "false");
    assert_moves_on(f, "not connected");
    begin_cluster(f, ROW1, 4, "true");
    assert_moves_on(f, "behind");
    begin_cluster(f, ROW1, 6, "true");
    exchange(f, SINCE(ZERO), "{\"id\":4,\"error\":null,\"result\":[false,\"" ROW1 "\",{}]}");
    send_server_deletion(f);
    assert_moves_on(f, "does not have the database");
    // A replica that can use the server keeps the connection.
    begin_cluster(f, ROW1, 6, "true");
    other = replica_new(&replica_handler, f, "other", &nothing);
    source_add(f->source, other);
    assert_int_equal(replica_state(other), REPLICA_LEFT_OUT);
    assert_null(f->reason);
    send_cluster_row(f, true, ROW1, 6, "false");
    assert_moves_on(f, "not connected");
    source_remove(f->source, other);
    replica_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_member_behind),
        TEST(test_moves_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
