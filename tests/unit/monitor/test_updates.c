// SPDX-License-Identifier: Apache-2.0
#include "monitor_unit.h"

#define U1 "00000000-0000-0000-0000-000000000001"

static struct row *make_row(const struct db *db, int64_t i, const char *s)
{
    struct row *row = row_new(unit_table(db, "A"), (struct uuid){0, 1});

    row_set(row, unit_column(db, "A", "i"), (union datum){.scalar.integer = i});
    row_set(row, unit_column(db, "A", "s"), (union datum){.scalar.string = text_new(slice_of(s))});
    return row;
}

// Every kind of change, in both formats, for several selections.
static void test_formats(void **state)
{
    static const struct {
        enum monitor_version version;
        const char *requests;
        bool has_old, has_new, is_initial;
        const char *expected;
    } cases[] = {
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 0, 1, 0,
         "{\"A\":{\"" U1 "\":{\"new\":{\"i\":1,\"s\":\"\"}}}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 0, 1, 1,
         "{\"A\":{\"" U1 "\":{\"new\":{\"i\":1,\"s\":\"\"}}}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 1, 0, 0,
         "{\"A\":{\"" U1 "\":{\"old\":{\"i\":0,\"s\":\"\"}}}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 1, 1, 0,
         "{\"A\":{\"" U1 "\":{\"new\":{\"i\":1,\"s\":\"\"},\"old\":{\"i\":0}}}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"s\"]}}", 1, 1, 0, "{}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\"],\"select\":{\"modify\":false}}}", 1, 1, 0, "{}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\"],\"select\":{\"delete\":false}}}", 1, 0, 0, "{}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\"],\"select\":{\"insert\":false}}}", 0, 1, 0, "{}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\"],\"select\":{\"insert\":false}}}", 0, 1, 1,
         "{\"A\":{\"" U1 "\":{\"new\":{\"i\":1}}}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\"],\"select\":{\"initial\":false}}}", 0, 1, 1, "{}"},
        {MONITOR_V1,
         "{\"A\":[{\"columns\":[\"i\"]},{\"columns\":[\"s\"],\"select\":{\"delete\":false}}]}", 1,
         0, 0, "{\"A\":{\"" U1 "\":{\"old\":{\"i\":0}}}}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"i\",\"s\",\"set\"]}}", 0, 1, 0,
         "{\"A\":{\"" U1 "\":{\"insert\":{\"i\":1}}}}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"i\",\"s\",\"set\"]}}", 0, 1, 1,
         "{\"A\":{\"" U1 "\":{\"initial\":{\"i\":1}}}}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 1, 0, 0,
         "{\"A\":{\"" U1 "\":{\"delete\":null}}}"},
        {MONITOR_V3, "{\"A\":{\"columns\":[\"i\",\"s\"]}}", 1, 1, 0,
         "{\"A\":{\"" U1 "\":{\"modify\":{\"i\":1}}}}"},
        {MONITOR_V3, "{\"A\":{\"columns\":[\"s\"]}}", 1, 1, 0, "{}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"s\"],\"where\":[[\"i\",\"==\",1]]}}", 1, 1, 0,
         "{\"A\":{\"" U1 "\":{\"insert\":{}}}}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"s\"],\"where\":[[\"i\",\"==\",0]]}}", 1, 1, 0,
         "{\"A\":{\"" U1 "\":{\"delete\":null}}}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"s\"],\"where\":[[\"i\",\"==\",7]]}}", 1, 1, 0, "{}"},
    };
    struct db *db = unit_db();
    struct row *old = make_row(db, 0, ""), *new = make_row(db, 1, "");

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct monitor_spec *spec = unit_spec(db, cases[i].version, cases[i].requests);
        const struct row *a = cases[i].has_old ? old : NULL, *b = cases[i].has_new ? new : NULL;
        struct buf buf = {0}, text = {0};
        struct updates updates;
        struct chunks chunks;

        updates_begin(&updates, spec, &buf);
        if (cases[i].is_initial) {
            updates_row(&updates, &spec->tables[0], a, b, true);
        } else {
            updates_change(&updates, &spec->tables[0], a, b);
        }
        assert_int_equal(updates_end(&updates, &chunks), strcmp(cases[i].expected, "{}") != 0);
        chunks_put(&text, &chunks);
        assert_string_equal(buf_cstr(&text), cases[i].expected);
        chunks_done(&chunks);
        monitor_spec_free(spec);
        buf_done(&text);
        buf_done(&buf);
    }
    row_unref(old);
    row_unref(new);
    db_free(db);
}

// A long update consists of several parts that make one text.
static void test_parts(void **state)
{
    struct db *db = unit_db();
    struct monitor_spec *spec = unit_spec(db, MONITOR_V1, "{\"A\":{\"columns\":[\"s\"]}}");
    char *long_string = xmalloc(CHUNK_SIZE / 2 + 1);
    struct buf buf = {0}, text = {0};
    struct updates updates;
    struct chunks chunks;
    struct row *row;

    memset(long_string, 'x', CHUNK_SIZE / 2);
    long_string[CHUNK_SIZE / 2] = '\0';
    row = make_row(db, 0, long_string);
    updates_begin(&updates, spec, &buf);
    for (int i = 0; i < 5; i++) {
        updates_row(&updates, &spec->tables[0], NULL, row, true);
    }
    assert_true(updates_end(&updates, &chunks));
    assert_true(chunks.n >= 3);
    chunks_put(&text, &chunks);
    assert_int_equal(text.size, chunks.size);
    assert_memory_equal(text.data, "{\"A\":{\"" U1 "\":{\"new\":{\"s\":\"xx", 60);
    assert_string_equal(buf_cstr(&text) + text.size - 8, "xxx\"}}}}");
    row_unref(row);
    free(long_string);
    chunks_done(&chunks);
    buf_done(&text);
    buf_done(&buf);
    monitor_spec_free(spec);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests_name("updates", tests, NULL, NULL);
}
