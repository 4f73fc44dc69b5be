// SPDX-License-Identifier: Apache-2.0
#include "monitor_unit.h"

#define ROW(n) "\"00000000-0000-0000-0000-00000000000" n "\""

static void assert_since(struct unit_monitor *um, struct uuid txn_id, const char *expected)
{
    _cleanup_(pieces_done) struct pieces pieces = {0};
    _cleanup_buf_ struct buf text = {0};
    bool found = monitor_since(&um->monitor, txn_id, &pieces);

    assert_int_equal(found, expected != NULL);
    if (found) {
        pieces_put(&text, &pieces);
        assert_string_equal(buf_cstr(&text), expected);
    }
}

static void test_since(void **state)
{
    struct uuid start = uuid_random(), first, second;
    struct db *db = unit_db();
    struct unit_monitor um, with_version;
    struct hub *hub;

    db_set_last_txn_id(db, start);
    hub = hub_new(db, &unit_sink);
    unit_monitor_init(&um, hub, unit_spec(db, MONITOR_V3, "{\"B\":{\"columns\":[\"x\"]}}"), "1");
    unit_monitor_init(&with_version, hub, unit_spec(db, MONITOR_V3, "{\"B\":{}}"), "2");
    assert_since(&um, start, "{}");
    // _version is not stored, so nothing is known of before the start.
    assert_since(&with_version, start, NULL);
    unit_set(db, "B", 1, "x", 1);
    first = hub_last_txn_id(hub);
    unit_set(db, "C", 1, "y", 1);
    unit_set(db, "B", 1, "x", 2);
    second = hub_last_txn_id(hub);
    assert_since(&um, start, "{\"B\":{" ROW("1") ":{\"insert\":{\"x\":2}}}}");
    assert_since(&um, first, "{\"B\":{" ROW("1") ":{\"modify\":{\"x\":2}}}}");
    assert_since(&um, second, "{}");
    assert_since(&with_version, second, "{}");
    assert_since(&um, uuid_random(), NULL);
    assert_since(&um, UUID_ZERO, NULL);
    // Old transactions are forgotten, recent ones not.
    for (int i = 3; i <= HISTORY_MAX_CHANGES + 3; i++) {
        if (i == HISTORY_MAX_CHANGES - 97) {
            second = hub_last_txn_id(hub);
        }
        unit_set(db, "B", 1, "x", i);
    }
    assert_since(&um, start, NULL);
    assert_since(&um, first, NULL);
    assert_since(&um, second, "{\"B\":{" ROW("1") ":{\"modify\":{\"x\":10003}}}}");
    unit_monitor_done(&um);
    unit_monitor_done(&with_version);
    hub_free(hub);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_since)};

    return cmocka_run_group_tests_name("since", tests, NULL, NULL);
}
