// SPDX-License-Identifier: Apache-2.0
// Initial contents that share a scan are the same as without sharing.
#include "monitor_unit.h"

#include "monitor/row_scan.h"

#define N_ROWS 20000

static const struct {
    enum monitor_version version;
    const char *requests;
} monitors[] = {
    {MONITOR_V2, "{\"B\":{\"columns\":[\"x\"],\"where\":[[\"x\",\"!=\",3]]}}"},
    {MONITOR_V2, "{\"B\":{\"columns\":[\"x\"],\"where\":[[\"x\",\"<\",3]]}}"},
    {MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}"},
    {MONITOR_V3, "{\"B\":{\"columns\":[\"x\"],\"where\":[[\"x\",\">\",4]]}}"},
    {MONITOR_V3, "{\"B\":{\"columns\":[\"x\",\"_version\"],\"where\":[[\"x\",\">\",5]]}}"},
    {MONITOR_V2,
     "{\"B\":[{\"columns\":[\"x\"]},{\"columns\":[\"_version\"],"
     "\"select\":{\"initial\":false}}]}"},
    {MONITOR_V2, "{\"B\":{\"columns\":[\"x\"],\"select\":{\"initial\":false}}}"},
    // With a table that the scan of the others does not have.
    {MONITOR_V2,
     "{\"B\":{\"columns\":[\"x\"],\"where\":[[\"x\",\"!=\",1]]},"
     "\"C\":{\"columns\":[\"y\"]}}"},
};

#define N        ARRAY_SIZE(monitors)
#define N_SHARED (N - 1)

static struct db *big_db(void)
{
    struct db *db = unit_db();
    struct txn *txn = txn_new(db);
    struct row *row;

    for (uint64_t i = 1; i <= N_ROWS; i++) {
        row = txn_insert(txn, unit_table(db, "B"), (struct uuid){0, i});
        row_set(row, unit_column(db, "B", "x"), (union datum){.scalar.integer = (int64_t)i % 7});
    }
    txn_insert(txn, unit_table(db, "C"), (struct uuid){0, 1});
    unit_commit(txn);
    return db;
}

static void start(struct hub *hub, struct db *db, struct unit_monitor *um, size_t i)
{
    unit_monitor_start(um, hub, unit_spec(db, monitors[i].version, monitors[i].requests), "1", 0);
}

static void put_initial(struct buf *buf, const struct unit_monitor *um)
{
    buf_clear(buf);
    chunks_put(buf, &um->initial);
}

static void test_same_as_alone(void **state)
{
    struct db *db = big_db();
    struct hub *hub = hub_new(db, &unit_sink), *other = hub_new(db, &unit_sink);
    struct unit_monitor alone[N], together[N];
    struct uuid moment = hub_last_txn_id(hub);
    struct buf a = {0}, b = {0};
    size_t budget = SIZE_MAX;
    int64_t n_commits = 0;

    for (size_t i = 0; i < N; i++) {
        start(other, db, &alone[i], i);
        monitor_finish_start(&alone[i].monitor, 0);
    }
    for (size_t i = 0; i < N; i++) {
        start(hub, db, &together[i], i);
    }
    while (!together[0].initial.n) {
        hub_run(hub, 0, &budget);
    }
    // The others get the state at the moment of the scan, even after commits.
    while (hub_run(hub, 0, &budget)) {
        unit_set(db, "B", (uint64_t)n_commits + 1, "x", 100 + n_commits);
        n_commits++;
    }
    assert_true(n_commits > 3);
    for (size_t i = 0; i < N_SHARED; i++) {
        put_initial(&a, &alone[i]);
        put_initial(&b, &together[i]);
        assert_string_equal(buf_cstr(&a), buf_cstr(&b));
        assert_true(uuid_equals(together[i].initial_txn_id, moment));
    }
    assert_false(uuid_equals(together[N - 1].initial_txn_id, moment));
    assert_null(hub->scan);
    for (size_t i = 0; i < N; i++) {
        unit_monitor_done(&alone[i]);
        unit_monitor_done(&together[i]);
    }
    buf_done(&a);
    buf_done(&b);
    hub_free(hub);
    hub_free(other);
    db_free(db);
}

// Texts are kept up to a limit of memory.
static void test_long_texts(void **state)
{
    struct db *db = unit_db();
    struct txn *txn = txn_new(db);
    struct monitor_spec *spec = unit_spec(db, MONITOR_V2, "{\"A\":{\"columns\":[\"s\"]}}");
    bool *tables = NEW_ARRAY(bool, 3);
    char *long_text = xmalloc((size_t)1 << 20);
    struct text *text;
    size_t n_rows, n_kept = 0;
    struct row_texts *texts;
    struct row_scan *scan;

    memset(long_text, 'x', (size_t)1 << 20);
    text = text_new((struct slice){long_text, (size_t)1 << 20});
    free(long_text);
    for (uint64_t i = 1; i <= 80; i++) {
        struct row *row = txn_insert(txn, unit_table(db, "A"), (struct uuid){0, i});

        row_set(row, unit_column(db, "A", "s"), (union datum){.scalar.string = text_ref(text)});
    }
    unit_commit(txn);
    text_unref(text);
    tables[unit_table(db, "A")->index] = true;
    scan = row_scan_new(db, tables);
    while (row_scan_collect(scan, 1000)) {
    }
    row_scan_rows(scan, unit_table(db, "A")->index, &n_rows);
    assert_int_equal(n_rows, 80);
    texts = row_scan_texts(scan, spec, &spec->tables[0]);
    assert_ptr_equal(row_scan_texts(scan, spec, &spec->tables[0]), texts);
    for (int turn = 0; turn < 2; turn++) {
        n_kept = 0;
        for (size_t i = 0; i < n_rows; i++) {
            struct slice got = row_texts_get(texts, i, &spec->tables[0]);

            assert_true(!got.data || got.size > (size_t)1 << 20);
            n_kept += got.data != NULL;
        }
        assert_in_range(n_kept, 60, 70);
    }
    row_scan_unref(scan);
    monitor_spec_free(spec);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_alone),
        cmocka_unit_test(test_long_texts),
    };

    return cmocka_run_group_tests_name("row_scan", tests, NULL, NULL);
}
