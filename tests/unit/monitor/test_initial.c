// SPDX-License-Identifier: Apache-2.0
// Initial contents that take several steps, and commits between the steps.
#include "monitor_unit.h"

#include "json/framer.h"

#define N_ROWS  20000
#define REQUEST "{\"B\":{\"columns\":[\"x\"]}}"

// The client's rows: the values of "x" by UUID; 0: no row.
static int64_t replica[N_ROWS + 100];

static void apply(struct slice updates, const char *member)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, updates);
    if (!cursor_enter(&cursor)) {
        return;
    }
    assert_true(slice_is(cursor_name(&cursor, &scratch), "B"));
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct uuid uuid;
        struct cursor row;
        bool is_delete;
        double real;

        assert_true(uuid_parse(cursor_name(&cursor, &scratch), &uuid));
        cursor_init(&row, cursor_skip(&cursor));
        assert_true(cursor_enter(&row));
        is_delete = slice_is(cursor_name(&row, &scratch), "old");
        if (is_delete) {
            assert_null(member);
            replica[uuid.lo] = 0;
            continue;
        }
        assert_true(cursor_enter(&row)); // "new"
        assert_true(slice_is(cursor_name(&row, &scratch), "x"));
        assert_true(cursor_number(&row, &replica[uuid.lo], &real));
    }
}

// Applies the <table-updates> of every message in `output`.
static void apply_output(struct buf *output)
{
    static const char before[] = "{\"id\":null,\"method\":\"update\",\"params\":[1,";
    struct framer framer;

    framer_init(&framer, SIZE_MAX);
    for (size_t at = 0; at < output->size;) {
        size_t consumed, skip = sizeof(before) - 1;

        assert_int_equal(framer_feed(&framer, output->data + at, output->size - at, &consumed),
                         FRAMER_DONE);
        assert_memory_equal(output->data + at, before, skip);
        apply((struct slice){output->data + at + skip, consumed - skip - 2}, NULL);
        at += consumed;
    }
    buf_clear(output);
}

static void apply_initial(const struct unit_monitor *um)
{
    _cleanup_buf_ struct buf text = {0};

    memset(replica, 0, sizeof(replica));
    chunks_put(&text, &um->initial);
    assert_null(framer_check(buf_slice(&text), SIZE_MAX, &(struct slice){0}, NULL));
    apply(buf_slice(&text), "new");
}

static void assert_up_to_date(struct db *db)
{
    const struct table *rows = db_table(db, unit_table(db, "B"));

    for (size_t i = 0; i < ARRAY_SIZE(replica); i++) {
        const struct row *row = table_find(rows, (struct uuid){0, i});

        assert_int_equal(replica[i],
                         row ? row_get(row, unit_column(db, "B", "x")).scalar.integer : 0);
    }
}

static struct db *big_db(void)
{
    struct db *db = unit_db();
    struct txn *txn = txn_new(db);

    for (uint64_t i = 1; i <= N_ROWS; i++) {
        struct row *row = txn_insert(txn, unit_table(db, "B"), (struct uuid){0, i});

        row_set(row, unit_column(db, "B", "x"), (union datum){.scalar.integer = 7});
    }
    unit_commit(txn);
    return db;
}

static size_t run_step(struct hub *hub)
{
    size_t budget = SIZE_MAX;

    return hub_run(hub, 0, &budget);
}

// The contents show one moment. Later commits are sent as updates.
static void test_commits_between_steps(void **state)
{
    struct db *db = big_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor um;
    int64_t n_steps = 1;
    struct uuid moment;

    assert_false(unit_monitor_start(&um, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0));
    assert_true(run_step(hub));
    moment = hub_last_txn_id(hub);
    while (!um.initial.n) {
        uint64_t some = (uint64_t)n_steps * 137;

        unit_set(db, "B", some, "x", 1000 + n_steps);
        unit_set(db, "B", some + 1, "x", 1000 + n_steps);
        unit_delete(db, "B", some + 2);
        unit_set(db, "B", N_ROWS + (uint64_t)n_steps, "x", 3); // new
        unit_delete(db, "B", 1 + (uint64_t)n_steps);
        run_step(hub);
        n_steps++;
    }
    assert_true(n_steps > 3);
    assert_true(uuid_equals(um.initial_txn_id, moment));
    apply_initial(&um);
    for (size_t i = 0; i < ARRAY_SIZE(replica); i++) {
        assert_int_equal(replica[i], i && i <= N_ROWS ? 7 : 0);
    }
    while (run_step(hub)) {
    }
    apply_output(&um.output);
    assert_up_to_date(db);
    unit_set(db, "B", 3000, "x", 5);
    unit_run(hub);
    apply_output(&um.output);
    assert_up_to_date(db);
    unit_monitor_done(&um);
    hub_free(hub);
    db_free(db);
}

// A monitor that starts before the moment is fixed, or before a commit concerns the view, gets the
// same text. One that starts later gets a later state.
static void test_shared(void **state)
{
    struct db *db = big_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor first, second, late, later;

    unit_monitor_start(&first, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0);
    unit_set(db, "B", 1, "x", 1); // before the moment
    run_step(hub);
    unit_set(db, "C", 1, "y", 1);
    unit_monitor_start(&second, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0);
    unit_set(db, "B", 2, "x", 2);
    unit_monitor_start(&late, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0);
    unit_set(db, "B", 3, "x", 3);
    unit_monitor_start(&later, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0);
    while (run_step(hub)) {
    }
    assert_ptr_equal(first.initial.texts[0], second.initial.texts[0]);
    assert_ptr_equal(late.initial.texts[0], later.initial.texts[0]);
    apply_initial(&second);
    assert_int_equal(replica[1], 1);
    assert_int_equal(replica[2], 7);
    apply_output(&second.output);
    assert_up_to_date(db);
    apply_initial(&late);
    assert_int_equal(late.output.size, 0);
    assert_up_to_date(db);
    unit_monitor_done(&first);
    unit_monitor_done(&second);
    unit_monitor_done(&late);
    unit_monitor_done(&later);
    hub_free(hub);
    db_free(db);
}

// A monitor that ends, and one that monitor_finish_start() finishes, after any number of steps.
static void test_end_and_finish(void **state)
{
    struct db *db = big_db();
    struct hub *hub = hub_new(db, &unit_sink);

    for (int steps = 0; steps < 6; steps++) {
        struct unit_monitor ended, finished;

        unit_monitor_start(&ended, hub, unit_spec(db, MONITOR_V1, REQUEST), "1", 0);
        unit_monitor_start(&finished, hub, unit_spec(db, MONITOR_V1, "{\"B\":{}}"), "1", 0);
        for (int i = 0; i < steps; i++) {
            run_step(hub);
        }
        monitor_flush(&ended.monitor);
        unit_monitor_done(&ended);
        unit_set(db, "B", 1, "x", 100 + steps);
        monitor_finish_start(&finished.monitor, 0);
        assert_int_not_equal(finished.initial.n, 0);
        monitor_finish_start(&finished.monitor, 0);
        unit_monitor_done(&finished);
    }
    unit_run(hub);
    assert_int_equal(hub->views.n, 0);
    hub_free(hub);
    db_free(db);
}

// Rows whose UUIDs are in the condition are looked up, for any size of the table.
static void test_lookup_by_uuid(void **state)
{
    struct db *db = big_db();
    struct hub *hub = hub_new(db, &unit_sink);
    struct unit_monitor um;

    assert_true(unit_monitor_start(
        &um, hub,
        unit_spec(db, MONITOR_V2,
                  "{\"B\":{\"columns\":[\"x\"],\"where\":["
                  "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000009\"]],false,"
                  "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000009\"]],"
                  "[\"_uuid\",\"==\",[\"uuid\",\"10000000-0000-0000-0000-000000000009\"]]]}}"),
        "1", 0));
    assert_initial(&um,
                   "{\"B\":{\"00000000-0000-0000-0000-000000000009\":"
                   "{\"initial\":{\"x\":7}}}}");
    unit_monitor_done(&um);
    hub_free(hub);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_between_steps),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_end_and_finish),
        cmocka_unit_test(test_lookup_by_uuid),
    };

    return cmocka_run_group_tests_name("initial", tests, NULL, NULL);
}
