// SPDX-License-Identifier: Apache-2.0
// Identical monitors share work, and no work is done for monitors that a commit does not concern.
#include "monitor_unit.h"

#define ROW1 "\"00000000-0000-0000-0000-000000000001\""

static void test_sharing(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor same[3], other;

    for (int i = 0; i < 3; i++) {
        unit_monitor_start(&same[i], hub,
                           unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"),
                           i == 2 ? "\"z\"" : "\"m\"", 0);
    }
    unit_monitor_start(&other, hub, unit_spec(db, MONITOR_V1, "{\"C\":{\"columns\":[\"y\"]}}"), "1",
                       0);
    assert_int_equal(hub->views.n, 2);
    assert_ptr_equal(same[0].monitor.batch, same[2].monitor.batch);
    unit_set(db, "B", 1, "x", 1);
    unit_run(hub);
    assert_string_equal(buf_cstr(&same[0].output), buf_cstr(&same[1].output));
    assert_sent(&same[1], "{\"id\":null,\"method\":\"update\",\"params\":[\"m\",{\"B\":{" ROW1
                          ":{\"new\":{\"x\":1}}}}]}");
    assert_sent(&same[2], "{\"id\":null,\"method\":\"update\",\"params\":[\"z\",{\"B\":{" ROW1
                          ":{\"new\":{\"x\":1}}}}]}");
    assert_sent(&other, "");
    // All are in the current batch again.
    assert_ptr_equal(same[0].monitor.batch, same[2].monitor.batch);
    assert_null(same[0].monitor.batch->first);
    for (int i = 0; i < 3; i++) {
        unit_monitor_done(&same[i]);
    }
    unit_monitor_done(&other);
    assert_int_equal(hub->views.n, 0);
    hub_free(hub);
    db_free(db);
}

// A commit does not touch the views of other tables.
static void test_touched_views(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor b, c;

    unit_monitor_start(&b, hub, unit_spec(db, MONITOR_V1, "{\"B\":{}}"), "1", 0);
    unit_monitor_start(&c, hub, unit_spec(db, MONITOR_V1, "{\"C\":{}}"), "1", 0);
    unit_set(db, "B", 1, "x", 1);
    assert_non_null(b.monitor.batch->first);
    assert_null(c.monitor.batch->first);
    assert_false(list_is_empty(&hub->dirty));
    assert_ptr_equal(hub->dirty.next, hub->dirty.prev);
    unit_monitor_done(&b);
    assert_true(list_is_empty(&hub->dirty));
    unit_monitor_done(&c);
    hub_free(hub);
    db_free(db);
}

// Long initial contents are cached until a commit concerns them or their time is over.
static void test_cached_initial(void **state)
{
    static const char request[] = "{\"B\":{\"columns\":[\"x\"]}}";
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor ums[5];
    struct text *text;
    size_t budget = 1;

    for (uint64_t i = 0; i < 1000; i++) {
        unit_set(db, "B", i, "x", 1);
    }
    assert_true(unit_monitor_start(&ums[0], hub, unit_spec(db, MONITOR_V1, request), "1", 0));
    assert_true(unit_monitor_start(&ums[1], hub, unit_spec(db, MONITOR_V1, request), "2", 500000));
    text = ums[0].initial.texts[0];
    assert_ptr_equal(ums[1].initial.texts[0], text);
    assert_int_equal(text->refs, 3);
    assert_int_equal(hub_deadline(hub), 1500000);
    hub_run(hub, 1499999, &budget);
    assert_int_equal(text->refs, 3);
    hub_run(hub, 1500000, &budget);
    assert_int_equal(text->refs, 2);
    assert_true(hub_deadline(hub) == USEC_INFINITY);
    assert_true(unit_monitor_start(&ums[2], hub, unit_spec(db, MONITOR_V1, request), "3", 0));
    text = ums[2].initial.texts[0];
    assert_int_equal(text->refs, 2);
    unit_set(db, "C", 1, "y", 2);
    assert_true(unit_monitor_start(&ums[3], hub, unit_spec(db, MONITOR_V1, request), "4", 0));
    assert_ptr_equal(ums[3].initial.texts[0], text);
    unit_set(db, "B", 1, "x", 2);
    assert_int_equal(text->refs, 2);
    assert_true(unit_monitor_start(&ums[4], hub, unit_spec(db, MONITOR_V1, request), "5", 0));
    assert_ptr_not_equal(ums[4].initial.texts[0], text);
    for (size_t i = 0; i < ARRAY_SIZE(ums); i++) {
        unit_monitor_done(&ums[i]);
    }
    hub_free(hub);
    db_free(db);
}

// Short initial contents are not cached.
static void test_short_initial(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor a, b, c;

    unit_set(db, "B", 1, "x", 1);
    unit_monitor_start(&a, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"), "1", 0);
    unit_monitor_start(
        &b, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"select\":{\"initial\":false}}}"), "2", 0);
    assert_initial(&a, "{\"B\":{" ROW1 ":{\"new\":{\"x\":1}}}}");
    assert_initial(&b, "{}");
    assert_true(hub_deadline(hub) == USEC_INFINITY);
    unit_set(db, "B", 1, "x", 2);
    unit_monitor_start(&c, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"), "1", 0);
    assert_initial(&c, "{\"B\":{" ROW1 ":{\"new\":{\"x\":2}}}}");
    unit_monitor_done(&a);
    unit_monitor_done(&b);
    unit_monitor_done(&c);
    hub_free(hub);
    db_free(db);
}

// For a slow client only the old versions of changed rows are kept, and no change set.
static void test_slow_is_bounded(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor slow, fast;

    unit_monitor_start(&slow, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"), "1",
                       0);
    unit_monitor_start(&fast, hub, unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"), "1",
                       0);
    unit_set(db, "B", 1, "x", 0);
    unit_run(hub);
    slow.slow = true;
    for (int i = 1; i <= 500; i++) {
        unit_set(db, "B", 1, "x", i);
        unit_set(db, "B", 2, "x", i);
        unit_run(hub);
        unit_delete(db, "B", 2);
        unit_run(hub);
        assert_null(slow.monitor.batch->first);
        assert_int_equal(coalesced_n_rows(slow.monitor.batch->coalesced), 1);
    }
    buf_clear(&slow.output);
    buf_clear(&fast.output);
    slow.slow = false;
    unit_run(hub);
    assert_sent(&slow, ""); // monitor_resume() has not been called
    monitor_resume(&slow.monitor);
    unit_run(hub);
    assert_sent(&slow, "{\"id\":null,\"method\":\"update\",\"params\":[1,{\"B\":{" ROW1
                       ":{\"new\":{\"x\":500},\"old\":{\"x\":0}}}}]}");
    assert_ptr_equal(slow.monitor.batch, fast.monitor.batch);
    unit_monitor_done(&slow);
    unit_monitor_done(&fast);
    hub_free(hub);
    db_free(db);
}

// Long updates are sent by reference.
static void test_long_updates(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor a, b;
    struct txn *txn = txn_new(db);
    struct buf string = {0};

    unit_monitor_start(&a, hub, unit_spec(db, MONITOR_V3, "{\"A\":{\"columns\":[\"s\"]}}"), "[1]",
                       0);
    unit_monitor_start(&b, hub, unit_spec(db, MONITOR_V3, "{\"A\":{\"columns\":[\"s\"]}}"), "[2]",
                       0);
    for (int i = 0; i < 10000; i++) {
        buf_putc(&string, 'x');
    }
    row_set(txn_insert(txn, unit_table(db, "A"), (struct uuid){0, 1}), unit_column(db, "A", "s"),
            (union datum){.scalar.string = text_new(buf_slice(&string))});
    unit_commit(txn);
    unit_run(hub);
    assert_int_equal(a.n_shared, 1);
    assert_int_equal(b.n_shared, 1);
    assert_int_equal(a.output.size, b.output.size);
    assert_string_equal(buf_cstr(&a.output) + a.output.size - 8, "x\"}}}}]}");
    unit_monitor_done(&a);
    unit_monitor_done(&b);
    buf_done(&string);
    hub_free(hub);
    db_free(db);
}

// hub_run() stops when its budget is used up; the next call continues.
static void test_budget(void **state)
{
    struct db *db = unit_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor monitors[3];
    size_t budget = 1;

    for (int i = 0; i < 3; i++) {
        static const char *const requests[] = {"{\"B\":{}}", "{\"B\":{\"columns\":[]}}",
                                               "{\"B\":{\"columns\":[\"x\"]}}"};

        unit_monitor_start(&monitors[i], hub, unit_spec(db, MONITOR_V1, requests[i]), "1", 0);
    }
    unit_set(db, "B", 1, "x", 1);
    assert_true(hub_run(hub, 0, &budget));
    assert_int_equal(budget, 0);
    assert_true(hub_run(hub, 0, &budget));
    budget = 10;
    assert_false(hub_run(hub, 0, &budget));
    for (int i = 0; i < 3; i++) {
        assert_true(monitors[i].output.size > 0);
        unit_monitor_done(&monitors[i]);
    }
    hub_free(hub);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing),         cmocka_unit_test(test_touched_views),
        cmocka_unit_test(test_cached_initial),  cmocka_unit_test(test_short_initial),
        cmocka_unit_test(test_slow_is_bounded), cmocka_unit_test(test_long_updates),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
