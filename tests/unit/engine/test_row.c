// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

static void test_defaults_and_values(void **state)
{
    struct db *db = fixture_new();
    const struct table_schema *table = fixture_table(db, "Thing");
    const struct column *s = fixture_column(db, "Thing", "s"),
                        *u = fixture_column(db, "Thing", "u");
    const struct column *uuid = &table->columns[COLUMN_UUID];
    struct row *row = row_new(table, fixture_uuid(1));
    union datum text = {.scalar.string = text_new(SLICE("hello"))};

    for (uint16_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        assert_true(datum_is_default(row_get(row, &table->columns[i]), &table->columns[i].type));
    }
    row_set(row, s, text);
    row_set(row, u, (union datum){.scalar.uuid = fixture_uuid(7)});
    assert_true(row_get(row, s).scalar.string == text.scalar.string);
    assert_true(uuid_equals(row_get(row, u).scalar.uuid, fixture_uuid(7)));
    assert_true(uuid_equals(row_get(row, uuid).scalar.uuid, fixture_uuid(1)));
    row_set(row, s, datum_default(&s->type)); // releases the former value
    row_unref(row);
    db_free(db);
}

static void test_clone_shares_values(void **state)
{
    struct db *db = fixture_new();
    const struct column *s = fixture_column(db, "Thing", "s"),
                        *i = fixture_column(db, "Thing", "i");
    struct row *row = row_new(fixture_table(db, "Thing"), fixture_uuid(1)), *clone;

    row_set(row, s, (union datum){.scalar.string = text_new(SLICE("a long text"))});
    clone = row_clone(row);
    assert_true(row_get(row, s).scalar.string == row_get(clone, s).scalar.string);
    assert_int_equal(row_get(row, s).scalar.string->refs, 2);
    assert_true(row_equals(row, clone));
    assert_true(row_memory(clone, row) < row_memory(clone, NULL));
    row_set(clone, i, (union datum){.scalar.integer = 5});
    assert_false(row_equals(row, clone));
    assert_int_equal(row_get(row, i).scalar.integer, 0);
    row_unref(row);
    assert_slice_is(text_slice(row_get(clone, s).scalar.string), "a long text");
    row_unref(clone);
    db_free(db);
}

static void test_equal_values_in_other_memory(void **state)
{
    struct db *db = fixture_new();
    const struct column *s = fixture_column(db, "Thing", "s");
    struct row *a = row_new(fixture_table(db, "Thing"), fixture_uuid(1));
    struct row *b = row_new(fixture_table(db, "Thing"), fixture_uuid(1));

    row_set(a, s, (union datum){.scalar.string = text_new(SLICE("x"))});
    row_set(b, s, (union datum){.scalar.string = text_new(SLICE("x"))});
    assert_true(row_equals(a, b));
    row_set(b, s, (union datum){.scalar.string = text_new(SLICE("y"))});
    assert_false(row_equals(a, b));
    row_unref(a);
    row_unref(b);
    db_free(db);
}

static void test_version_depends_on_commit_and_row(void **state)
{
    struct db *db = fixture_new();
    struct row *a = row_new(fixture_table(db, "Thing"), fixture_uuid(1));
    struct row *b = row_new(fixture_table(db, "Thing"), fixture_uuid(2));
    struct uuid first = row_version(a);

    assert_true(uuid_equals(first, row_version(a)));
    assert_false(uuid_equals(first, row_version(b)));
    a->seq = 1;
    assert_false(uuid_equals(first, row_version(a)));
    assert_int_equal(first.hi >> 12 & 15, 4); // a random UUID in the sense of RFC 4122
    assert_int_equal(first.lo >> 62, 2);
    row_unref(a);
    row_unref(b);
    db_free(db);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_clone_shares_values),
        cmocka_unit_test(test_equal_values_in_other_memory),
        cmocka_unit_test(test_version_depends_on_commit_and_row),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
