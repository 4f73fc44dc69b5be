// SPDX-License-Identifier: Apache-2.0
#include "monitor_unit.h"

#include "engine/undo.h"

#define ROW(n) "\"00000000-0000-0000-0000-00000000000" n "\""

static void assert_since(struct hub *hub, const char *request, struct uuid txn_id,
                         const char *expected)
{
    _cleanup_(chunks_done) struct chunks chunks = {0};
    _cleanup_buf_ struct buf text = {0};
    struct unit_monitor um;
    bool found;

    unit_monitor_init(&um, hub, unit_spec(hub->db, MONITOR_V3, request), "1");
    found = monitor_since(&um.monitor, txn_id, &chunks);

    assert_int_equal(found, expected != NULL);
    if (found) {
        chunks_put(&text, &chunks);
        assert_string_equal(buf_cstr(&text), expected);
    }
    unit_monitor_done(&um);
}

static void test_since(void **state)
{
    struct uuid start = uuid_random(), first, second;
    struct db *db = unit_db();
    const char *um = "{\"B\":{\"columns\":[\"x\"]}}", *with_version = "{\"B\":{}}";
    struct hub *hub;

    db_set_last_txn_id(db, start);
    hub = hub_new(db, &unit_sink);
    assert_since(hub, um, start, "{}");
    // _version is not stored, so change sets from before the start do not have it.
    assert_since(hub, with_version, start, NULL);
    unit_set(db, "B", 1, "x", 1);
    first = hub_last_txn_id(hub);
    unit_set(db, "C", 1, "y", 1);
    unit_set(db, "B", 1, "x", 2);
    second = hub_last_txn_id(hub);
    assert_since(hub, um, start, "{\"B\":{" ROW("1") ":{\"insert\":{\"x\":2}}}}");
    assert_since(hub, um, first, "{\"B\":{" ROW("1") ":{\"modify\":{\"x\":2}}}}");
    assert_since(hub, um, second, "{}");
    assert_since(hub, with_version, second, "{}");
    assert_since(hub, um, uuid_random(), NULL);
    assert_since(hub, um, UUID_ZERO, NULL);
    // The history drops old transactions and keeps recent ones.
    for (int i = 3; i <= HISTORY_MAX_CHANGES + 3; i++) {
        if (i == HISTORY_MAX_CHANGES - 97) {
            second = hub_last_txn_id(hub);
        }
        unit_set(db, "B", 1, "x", i);
    }
    assert_since(hub, um, start, NULL);
    assert_since(hub, um, first, NULL);
    assert_since(hub, um, second, "{\"B\":{" ROW("1") ":{\"modify\":{\"x\":10003}}}}");
    hub_free(hub);
    db_free(db);
}

// Commits are withdrawn between the monitors of a client: it can continue at the last one that
// remains, but not at one that was withdrawn.
static void test_withdrawn(void **state)
{
    const char *request = "{\"B\":{\"columns\":[\"x\"]}}";
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct changeset *last;
    struct unit_monitor um;
    struct uuid withdrawn;

    unit_set(db, "B", 1, "x", 1);
    last = changeset_ref(db_tail(db));
    unit_monitor_start(&um, hub, unit_spec(db, MONITOR_V3, request), "1", 0);
    unit_set(db, "B", 1, "x", 2);
    unit_run(hub);
    unit_set(db, "B", 2, "x", 3);
    withdrawn = hub_last_txn_id(hub);
    unit_monitor_done(&um);
    db_undo(db, last);
    hub_check_structures(hub);
    assert_true(uuid_equals(hub_last_txn_id(hub), last->txn_id));
    assert_since(hub, request, withdrawn, NULL);
    assert_since(hub, request, last->txn_id, "{}");
    unit_set(db, "B", 1, "x", 4);
    assert_since(hub, request, last->txn_id, "{\"B\":{" ROW("1") ":{\"modify\":{\"x\":4}}}}");
    unit_monitor_start(&um, hub, unit_spec(db, MONITOR_V3, request), "1", 0);
    assert_initial(&um, "{\"B\":{" ROW("1") ":{\"initial\":{\"x\":4}}}}");
    unit_monitor_done(&um);
    changeset_unref(last);
    hub_free(hub);
    db_free(db);
}

// A monitor of any version continues after the client's last transaction; an update is sent if
// there were changes since.
static void test_continue(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor um;
    struct uuid first;

    // Before the first commit.
    unit_monitor_init(&um, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"), "1");
    assert_true(monitor_continue(&um.monitor, hub_last_txn_id(hub)));
    assert_sent(&um, "");
    unit_set(db, "B", 1, "x", 1);
    unit_run(hub);
    assert_sent(&um, "{\"id\":null,\"method\":\"update\",\"params\":[1,{\"B\":{" ROW(
                         "1") ":{\"new\":{\"x\":1}}}}]}");
    unit_monitor_done(&um);
    first = hub_last_txn_id(hub);
    unit_set(db, "B", 1, "x", 2);
    unit_set(db, "C", 1, "y", 2);
    unit_monitor_init(&um, hub, unit_spec(db, MONITOR_V2, "{\"B\":{\"columns\":[\"x\"]}}"), "1");
    assert_true(monitor_continue(&um.monitor, first));
    assert_sent(&um, "{\"id\":null,\"method\":\"update2\",\"params\":[1,{\"B\":{" ROW(
                         "1") ":{\"modify\":{\"x\":2}}}}]}");
    unit_run(hub);
    assert_sent(&um, "");
    unit_monitor_done(&um);
    unit_monitor_init(&um, hub, unit_spec(db, MONITOR_V2, "{\"B\":{\"columns\":[\"x\"]}}"), "1");
    assert_false(monitor_continue(&um.monitor, uuid_random()));
    unit_monitor_done(&um);
    hub_free(hub);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_since),
        cmocka_unit_test(test_continue),
    };

    return cmocka_run_group_tests_name("since", tests, NULL, NULL);
}
