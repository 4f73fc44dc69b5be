// SPDX-License-Identifier: Apache-2.0
// condition_change_write() writes the same rows as a comparison of every row with both conditions.
#include "monitor_unit.h"

#include "monitor/condition_change.h"

#include <stdlib.h>

#define N_ROWS 60

static const char *const clauses[] = {
    "[\"i\",\"==\",1]",
    "[\"i\",\"==\",2]",
    "[\"i\",\"==\",77]",
    "[\"opt\",\"==\",1]",
    "[\"opt\",\"==\",[\"set\",[]]]",
    "[\"s\",\"==\",\"row 2\"]",
    "[\"s\",\"==\",\"row 3\"]",
    "[\"i\",\"<\",2]",
    "[\"opt\",\"includes\",2]",
    "[\"opt\",\"!=\",[\"set\",[]]]",
    "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-000000000005\"]]",
    "[\"_uuid\",\"==\",[\"uuid\",\"00000000-0000-0000-0000-00000000ffff\"]]",
    "false",
};

// Up to seven random clauses, sometimes also `true`.
static struct monitor_spec *random_spec(struct db *db)
{
    struct buf requests = {0};
    struct monitor_spec *spec;
    int n = rand() % 8;

    buf_puts(&requests, "{\"A\":{\"columns\":[\"i\"],\"where\":[");
    for (int i = 0; i < n; i++) {
        buf_printf(&requests, "%s%s", i ? "," : "", clauses[rand() % ARRAY_SIZE(clauses)]);
    }
    buf_puts(&requests, n && rand() % 10 == 0 ? ",true]}}" : "]}}");
    spec = unit_spec(db, MONITOR_V2, buf_cstr(&requests));
    buf_done(&requests);
    return spec;
}

// Fails unless `written` contains each row that is shown or hidden once, and no other.
static void assert_written(const char *written, struct table *rows, const struct monitor_table *old,
                           const struct monitor_table *new)
{
    size_t n = 0, n_written = 0;

    for (uint64_t i = 0; i < N_ROWS; i++) {
        const struct row *row = table_find(rows, (struct uuid){0, i});
        bool was = condition_matches_any(&old->condition, row);
        bool is = condition_matches_any(&new->condition, row);
        char uuid[UUID_TEXT_SIZE], expected[100];

        snprintf(expected, sizeof(expected), "\"%s\":{\"%s\"", uuid_text(row->uuid, uuid),
                 is ? "insert" : "delete");
        assert_int_equal(strstr(written, expected) != NULL, was != is);
        n += was != is;
    }
    for (const char *p = written; (p = strstr(p, "-0000-0000-0000-")); p++) {
        n_written++;
    }
    assert_int_equal(n_written, n);
}

static void test_changes(void **state)
{
    struct db *db = unit_filled_db(N_ROWS, 4);
    struct table *rows = db_table(db, unit_table(db, "A"));
    struct monitor_spec *old;

    srand(7);
    old = random_spec(db);
    for (int round = 0; round < 3000; round++) {
        struct monitor_spec *new = random_spec(db);
        struct buf scratch = {0}, text = {0};
        struct updates updates;
        struct chunks chunks;

        updates_begin(&updates, new, &scratch);
        condition_change_write(&updates, &old->tables[0], &new->tables[0], rows);
        updates_end(&updates, &chunks);
        chunks_put(&text, &chunks);
        assert_written(buf_cstr(&text), rows, &old->tables[0], &new->tables[0]);
        chunks_done(&chunks);
        buf_done(&scratch);
        buf_done(&text);
        monitor_spec_free(old);
        old = new;
    }
    assert_true(table_is_indexed(rows, unit_column(db, "A", "i"))); // many calls have made an index
    monitor_spec_free(old);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes)};

    return cmocka_run_group_tests_name("condition_change", tests, NULL, NULL);
}
