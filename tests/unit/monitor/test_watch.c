// SPDX-License-Identifier: Apache-2.0
// The views that a commit touches.
#include "monitor_unit.h"

struct watcher {
    const char *requests;
    struct monitor_spec *spec;
    struct watch *watch;
    int n_touched;
};

// A watch set uses views only as pointers; this test passes watchers instead.
static void touch(struct view *view, struct changeset *changes)
{
    ((struct watcher *)view)->n_touched++;
}

struct observed {
    struct db_observer observer;
    struct watch_set *set;
};

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    watch_set_commit(CONTAINER_OF(observer, struct observed, observer)->set, changes, touch);
}

static struct watcher watchers[] = {
    {"{\"B\":{}}"},
    {"{\"B\":{\"where\":[[\"x\",\"==\",1]]}}"},
    {"{\"B\":{\"where\":[[\"x\",\"==\",1],[\"x\",\"==\",2]]}}"},
    {"{\"B\":{\"where\":[[\"x\",\"<\",0]]}}"},
    {"{\"B\":{\"where\":[[\"x\",\"==\",9],[\"x\",\"<\",0]]}}"},
    {"{\"B\":{\"where\":[false]}}"},
    {"{\"B\":{\"where\":[true]}}"},
    {"{\"B\":{\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000007\"]]]},"
     "\"C\":{}}"},
    {"{\"A\":{\"where\":[[\"set\",\"includes\",4],[\"map\",\"includes\",[\"map\",[[\"k\",1]]]]]}}"},
    {"{\"A\":{\"where\":[[\"set\",\"includes\",[\"set\",[4,5]]]]}}"},
    {"{\"A\":{\"where\":[[\"opt\",\"!=\",[\"set\",[]]]]}}"},
    {"{\"A\":{\"where\":[[\"opt\",\"!=\",[\"set\",[]]],[\"i\",\"==\",8]]}}"},
};

static void assert_touched(const char *expected)
{
    char touched[ARRAY_SIZE(watchers) + 1] = "";

    for (size_t i = 0; i < ARRAY_SIZE(watchers); i++) {
        touched[i] = watchers[i].n_touched ? '1' : '-';
        watchers[i].n_touched = 0;
    }
    assert_string_equal(touched, expected);
}

// Sets a column of row 7 of A.
static void set_datum(struct db *db, const char *name, const char *json)
{
    const struct column *column = unit_column(db, "A", name);
    struct txn *txn = txn_new(db);

    row_set(txn_modify(txn, unit_table(db, "A"), (struct uuid){.lo = 7}), column,
            unit_datum(column, json));
    unit_commit(txn);
}

static void test_touch(void **state)
{
    struct db *db = unit_db();
    struct observed observed = {.observer.committed = on_committed,
                                .set = watch_set_new(db_schema(db))};

    db_add_observer(db, &observed.observer);
    for (size_t i = 0; i < ARRAY_SIZE(watchers); i++) {
        struct watcher *watcher = &watchers[i];

        watcher->spec = unit_spec(db, MONITOR_V2, watcher->requests);
        watcher->watch = watch_new(observed.set, (struct view *)watcher, watcher->spec);
    }
    unit_set(db, "B", 1, "x", 5);
    assert_touched("1-----1-----");
    unit_set(db, "B", 1, "x", 1); // begins to match
    assert_touched("111---1-----");
    unit_set(db, "B", 1, "x", 2); // no longer matches
    assert_touched("111---1-----");
    unit_set(db, "B", 1, "x", 3);
    assert_touched("1-1---1-----");
    unit_set(db, "B", 1, "x", -3);
    assert_touched("1--11-1-----");
    unit_set(db, "B", 1, "x", 9);
    assert_touched("1--11-1-----");
    unit_set(db, "B", 7, "x", 3);
    assert_touched("1-----11----");
    unit_delete(db, "B", 7);
    assert_touched("1-----11----");
    unit_set(db, "C", 7, "y", 3);
    assert_touched("-------1----");
    unit_set(db, "A", 7, "i", 3);
    assert_touched("------------");
    unit_set(db, "A", 7, "i", 8);
    assert_touched("-----------1");
    set_datum(db, "set", "[\"set\",[1,4,6]]");
    assert_touched("--------1--1");
    set_datum(db, "map", "[\"map\",[[\"j\",1],[\"k\",2]]]"); // because of the set
    assert_touched("--------1--1");
    set_datum(db, "set", "[\"set\",[4,5,6]]");
    assert_touched("--------11-1");
    set_datum(db, "set", "[\"set\",[]]");
    assert_touched("--------11-1");
    set_datum(db, "map", "[\"map\",[[\"j\",1],[\"k\",1]]]");
    assert_touched("--------1--1");
    unit_set(db, "A", 7, "i", 3);
    assert_touched("--------1--1");
    set_datum(db, "opt", "4");
    assert_touched("--------1-11");
    set_datum(db, "opt", "[\"set\",[]]");
    assert_touched("--------1-11");
    watch_free(watchers[10].watch); // an equal clause of another view stays
    watchers[10].watch = watch_new(observed.set, (struct view *)&watchers[10], watchers[5].spec);
    set_datum(db, "opt", "5");
    assert_touched("--------1--1");
    watch_free(watchers[2].watch);
    watchers[2].watch = watch_new(observed.set, (struct view *)&watchers[2], watchers[1].spec);
    watch_free(watchers[1].watch);
    watchers[1].watch = watch_new(observed.set, (struct view *)&watchers[1], watchers[7].spec);
    unit_set(db, "B", 1, "x", 1);
    assert_touched("1-1-1-1-----");
    for (size_t i = 0; i < ARRAY_SIZE(watchers); i++) {
        watch_free(watchers[i].watch);
    }
    unit_set(db, "B", 1, "x", 2);
    assert_touched("------------");
    for (size_t i = 0; i < ARRAY_SIZE(watchers); i++) {
        monitor_spec_free(watchers[i].spec);
    }
    watch_set_free(observed.set);
    watch_set_free(NULL);
    db_remove_observer(&observed.observer);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_touch)};

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
