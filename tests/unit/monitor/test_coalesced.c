// SPDX-License-Identifier: Apache-2.0
#include "monitor_unit.h"

static void test_net_change(void **state)
{
    struct db *db = unit_db();
    struct monitor_spec *spec = unit_spec(db, MONITOR_V1, "{\"B\":{\"columns\":[\"x\"]}}");
    struct coalesced *coalesced = coalesced_new(spec);
    struct changeset *from;
    struct buf buf = {0}, text = {0};
    struct updates updates;
    struct chunks chunks;

    unit_set(db, "B", 1, "x", 1);
    unit_set(db, "B", 2, "x", 2);
    from = changeset_ref(db_tail(db));
    unit_set(db, "B", 1, "x", 3);
    unit_set(db, "B", 3, "x", 5); // inserted and deleted
    unit_set(db, "C", 9, "y", 5); // not monitored
    unit_set(db, "B", 1, "x", 4);
    unit_delete(db, "B", 3);
    unit_set(db, "B", 2, "x", 7); // changed and changed back
    unit_set(db, "B", 2, "x", 2);
    coalesced_add(coalesced, from->next);
    assert_int_equal(coalesced_n_rows(coalesced), 2);
    assert_in_range(coalesced_memory(coalesced), 2 * sizeof(struct row), 400);
    updates_begin(&updates, spec, &buf);
    coalesced_write(coalesced, db, &updates);
    assert_true(updates_end(&updates, &chunks));
    chunks_put(&text, &chunks);
    assert_string_equal(buf_cstr(&text),
                        "{\"B\":{\"00000000-0000-0000-0000-000000000001\":"
                        "{\"new\":{\"x\":4},\"old\":{\"x\":1}}}}");
    chunks_done(&chunks);
    changeset_unref(from);
    coalesced_free(coalesced);
    coalesced_free(NULL);
    monitor_spec_free(spec);
    buf_done(&text);
    buf_done(&buf);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_net_change)};

    return cmocka_run_group_tests_name("coalesced", tests, NULL, NULL);
}
