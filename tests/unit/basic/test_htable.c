// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"
#include "basic/htable.h"
#include "unit.h"

#define N 4000

static int numbers[N];

static bool has(const struct htable *table, uint64_t hash, const int *number)
{
    int *item;

    HTABLE_FOREACH_WITH_HASH(item, table, hash)
    {
        if (item == number) {
            return true;
        }
    }
    return false;
}

// With few distinct hashes, searches and removals go through long runs.
static void check_with_hashes(uint64_t n_hashes)
{
    struct htable table = {0};
    size_t n_seen = 0;
    int *item;

    for (int i = 0; i < N / 10; i++) {
        numbers[i] = i;
        htable_insert(&table, hash_u64(i % n_hashes, 0), &numbers[i]);
    }
    for (int i = 0; i < N / 10; i += 2) {
        assert_true(htable_remove(&table, hash_u64(i % n_hashes, 0), &numbers[i]));
        assert_false(htable_remove(&table, hash_u64(i % n_hashes, 0), &numbers[i]));
    }
    assert_int_equal(table.n, N / 20);
    for (int i = 0; i < N / 10; i++) {
        assert_int_equal(has(&table, hash_u64(i % n_hashes, 0), &numbers[i]), i % 2);
    }
    HTABLE_FOREACH(item, &table)
    {
        assert_int_equal(*item % 2, 1);
        n_seen++;
    }
    assert_int_equal(n_seen, N / 20);
    htable_done(&table);
}

static void test_distinct(void **state)
{
    check_with_hashes(N);
}

static void test_colliding(void **state)
{
    check_with_hashes(7);
}

static void test_replace_and_done(void **state)
{
    struct htable table = {0};

    htable_insert(&table, 42, &numbers[0]);
    htable_replace(&table, 42, &numbers[0], &numbers[1]);
    assert_false(has(&table, 42, &numbers[0]));
    assert_true(has(&table, 42, &numbers[1]));
    htable_done(&table);
    assert_int_equal(table.n, 0);
    assert_false(has(&table, 42, &numbers[1]));
    htable_insert(&table, 0, &numbers[2]); // 0 is a hash like any other
    assert_true(has(&table, 0, &numbers[2]));
    htable_done(&table);
}

static uint64_t hash_of(int i)
{
    return hash_u64(i, 0);
}

// The table contains the first `n` items and no others, by search and by iteration.
static void check_content(const struct htable *table, int n)
{
    int *item, n_seen = 0;

    assert_int_equal(table->n, n);
    HTABLE_FOREACH(item, table)
    {
        assert_true(item < &numbers[n]);
        n_seen++;
    }
    assert_int_equal(n_seen, n);
    for (int i = 0; i < N; i++) {
        assert_int_equal(has(table, hash_of(i), &numbers[i]), i < n);
    }
}

// Searches and changes work while a large table is resized in steps.
static void test_resize_in_steps(void **state)
{
    struct htable table = {0};
    int n_resizing = 0, n = 0;

    while (n < N) {
        htable_insert(&table, hash_of(n), &numbers[n]);
        n++;
        if (table.left && n_resizing++ % 10 == 0) {
            check_content(&table, n);
            htable_replace(&table, hash_of(n / 2), &numbers[n / 2], &numbers[0]);
            assert_false(has(&table, hash_of(n / 2), &numbers[n / 2]));
            htable_replace(&table, hash_of(n / 2), &numbers[0], &numbers[n / 2]);
        }
    }
    assert_true(n_resizing > 50);
    check_content(&table, N);
    for (n_resizing = 0; n > 100; n--) {
        assert_true(htable_remove(&table, hash_of(n - 1), &numbers[n - 1]));
        if (table.left && n_resizing++ % 10 == 0) {
            check_content(&table, n - 1);
        }
    }
    assert_true(n_resizing > 100);
    check_content(&table, 100);
    htable_done(&table);
}

struct scan {
    uint64_t position;
    unsigned n_visits[N];
};

static void on_visit(void *userdata, void *item)
{
    struct scan *scan = userdata;

    scan->n_visits[(int *)item - numbers]++;
}

// Scans while items are inserted and removed, so that the table grows and shrinks. Items that were
// in the table all the time are visited once. The others are visited at most once, and exactly if
// the scan had not passed (insertion) or had already passed (removal) their position.
static void check_scan(int n_hashes, int first, int last)
{
    struct scan *scan = xcalloc(1, sizeof(*scan));
    struct htable table = {0};
    bool *was_scanned = xcalloc(N, sizeof(bool));
    int n_calls = 0, at = first;

    for (int i = 0; i < first; i++) {
        htable_insert(&table, hash_u64(i % n_hashes, 0), &numbers[i]);
    }
    for (; scan->position != HTABLE_END; n_calls++) {
        scan->position = htable_scan(&table, scan->position, on_visit, scan);
        for (int k = 0; k < 3 && at != last; k++) {
            int i = at < last ? at++ : --at;
            uint64_t hash = hash_u64(i % n_hashes, 0);

            was_scanned[i] = htable_is_scanned(hash, scan->position);
            if (first < last) {
                htable_insert(&table, hash, &numbers[i]);
            } else {
                assert_true(htable_remove(&table, hash, &numbers[i]));
            }
        }
    }
    for (int i = 0; i < MAX(first, last); i++) {
        bool is_changed = i >= MIN(first, last) && i < MAX(first, at);
        bool expected = !is_changed || was_scanned[i] == (first > last);

        assert_int_equal(scan->n_visits[i], i < MAX(first, at) && expected);
    }
    assert_true(n_calls < 8 * N + 8);
    free(was_scanned);
    free(scan);
    htable_done(&table);
}

static void test_scan(void **state)
{
    static const int n_hashes[] = {N, 7, 1};

    for (size_t i = 0; i < ARRAY_SIZE(n_hashes); i++) {
        check_scan(n_hashes[i], 0, 0);
        check_scan(n_hashes[i], 1, 1);
        check_scan(n_hashes[i], N, N);
        check_scan(n_hashes[i], 10, N);
        check_scan(n_hashes[i], N / 2, N);
        check_scan(n_hashes[i], N, 0);
        check_scan(n_hashes[i], N, N / 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_resize_in_steps),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_colliding),
        cmocka_unit_test(test_replace_and_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
