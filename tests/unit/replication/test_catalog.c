// SPDX-License-Identifier: Apache-2.0
#include "replication/catalog.h"

#include "unit.h"
#include "json/framer.h"

#define ROW1 "11111111-1111-1111-1111-111111111111"
#define ROW2 "22222222-2222-2222-2222-222222222222"
#define ROW(name, schema, rest)                                                                    \
    "{\"new\":{\"name\":\"" name "\",\"schema\":" schema ",\"connected\":" rest "}}"

static bool apply(struct catalog *catalog, const char *updates)
{
    assert_null(framer_check(slice_of(updates), SIZE_MAX, NULL, NULL));
    return catalog_apply(catalog, slice_of(updates));
}

static void test_rows(void **state)
{
    struct catalog catalog = {0};
    const struct catalog_entry *entry;

    assert_true(apply(&catalog, "{}"));
    assert_true(apply(&catalog,
                      "{\"Database\":{\"" ROW1 "\":" ROW("a", "\"x\"", "true") ",\"" ROW2 "\":" ROW(
                          "b", "[\"set\",[]]", "false") "}}"));
    assert_int_equal(catalog.n, 2);
    entry = catalog_find(&catalog, SLICE("a"));
    assert_true(entry->is_connected && entry->has_changed_schema);
    assert_true(slice_is(buf_slice(&entry->schema), "x"));
    entry = catalog_find(&catalog, SLICE("b"));
    assert_false(entry->is_connected || entry->schema.size || entry->has_changed_schema);
    catalog_settle(&catalog);
    assert_true(apply(&catalog,
                      "{\"Database\":{\"" ROW2 "\":" ROW("b", "\"y\"", "true") ",\"" ROW1 "\":" ROW(
                          "a", "\"x\"", "false") "}}"));
    assert_true(catalog_find(&catalog, SLICE("b"))->has_changed_schema);
    entry = catalog_find(&catalog, SLICE("a"));
    assert_false(entry->has_changed_schema || entry->is_connected);
    assert_true(apply(&catalog, "{\"Database\":{\"" ROW1 "\":{\"old\":{}},\"" ROW1 "\":{}}}"));
    assert_null(catalog_find(&catalog, SLICE("a")));
    assert_non_null(catalog_find(&catalog, SLICE("b")));
    catalog_done(&catalog);
    assert_int_equal(catalog.n, 0);
}

static void test_members_of_clusters(void **state)
{
    struct catalog catalog = {0};
    const struct catalog_entry *entry;
    struct uuid cid;

    assert_true(uuid_parse(SLICE(ROW2), &cid));
    assert_true(apply(&catalog,
                      "{\"Database\":{\"" ROW1 "\":" ROW(
                          "a", "\"x\"", "true,\"index\":7,\"cid\":[\"uuid\",\"" ROW2 "\"]") "}}"));
    entry = catalog_find(&catalog, SLICE("a"));
    assert_int_equal(entry->index, 7);
    assert_true(uuid_equals(entry->cid, cid));
    assert_true(apply(&catalog, "{\"Database\":{\"" ROW1 "\":" ROW("a", "\"x\"",
                                                                   "true,\"index\":[\"set\",[]],"
                                                                   "\"cid\":[\"set\",[]]") "}}"));
    assert_int_equal(entry->index, 0);
    assert_true(uuid_equals(entry->cid, UUID_ZERO));
    catalog_done(&catalog);
}

static void test_names(void **state)
{
    struct catalog catalog = {0};
    struct catalog_entry *entry;

    assert_true(catalog_add_names(&catalog, SLICE("[\"a\",\"b\\u0063\"]")));
    entry = catalog_find(&catalog, SLICE("bc"));
    assert_true(entry->is_connected && uuid_equals(entry->row, UUID_ZERO));
    catalog_set_schema(entry, SLICE("{}"));
    assert_true(entry->has_changed_schema);
    catalog_settle(&catalog);
    catalog_set_schema(entry, SLICE("{}"));
    assert_false(entry->has_changed_schema);
    catalog_done(&catalog);
    assert_false(catalog_add_names(&catalog, SLICE("{}")));
    assert_false(catalog_add_names(&catalog, SLICE("[1]")));
    catalog_done(&catalog);
}

static void test_malformed(void **state)
{
    static const char *const cases[] = {
        "[]",
        "{\"Database\":1}",
        "{\"Database\":{\"x\":{}}}",
        "{\"Database\":{\"00000000-0000-0000-0000-000000000000\":{}}}",
        "{\"Database\":{\"" ROW1 "\":1}}",
        "{\"Database\":{\"" ROW1 "\":{\"new\":1}}}",
        "{\"Database\":{\"" ROW1 "\":{\"new\":{\"name\":\"a\",\"schema\":\"x\"}}}}",
        "{\"Database\":{\"" ROW1 "\":" ROW("a", "\"x\"", "1") "}}",
        "{\"Database\":{\"" ROW1 "\":{\"new\":{\"name\":1,\"schema\":\"x\",\"connected\":true}}}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct catalog catalog = {0};

        assert_false(apply(&catalog, cases[i]));
        catalog_done(&catalog);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_members_of_clusters),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
