// SPDX-License-Identifier: Apache-2.0
// Salvages files with various kinds of damage: the whole prefix, and all whole records.
#include "store_unit.h"

#include "store/salvage.h"

#include <fcntl.h>
#include <string.h>

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"
#define C "33333333-3333-4333-8333-333333333333"
#define D "44444444-4444-4444-8444-444444444444"

// "ref" and "must" refer strongly, "weak" weakly; "name" is an index; U may have one row.
#define SCHEMA "store/salvage.ovsschema"

struct outcome {
    struct buf said; // findings, each with a LF
    struct salvage all;
    struct salvage_prefix prefix;
};

static void on_found(void *userdata, const char *text)
{
    buf_printf(userdata, "%s\n", text);
}

static struct outcome salvage_file(void)
{
    _cleanup_close_ int fd = open("d.db", O_RDONLY | O_CLOEXEC);
    struct outcome outcome = {0};
    const struct findings findings = {on_found, &outcome.said};

    assert_true(fd >= 0);
    assert_ok(salvage_all(fd, "d.db", &findings, NULL, &outcome.all));
    assert_ok(salvage_prefix(fd, "d.db", NULL, &outcome.prefix, NULL));
    return outcome;
}

static void outcome_done(struct outcome *outcome)
{
    buf_done(&outcome->said);
    db_free(outcome->all.db);
    salvage_prefix_done(&outcome->prefix);
}

static void test_rows(void **state)
{
    static const struct {
        const char *records[3];
        uint64_t n_prefix;
        const char *dump;
        const char *said; // a part of it; NULL: nothing is
    } cases[] = {
        {{"{\"T\":{\"" A "\":{\"name\":\"a\"}}}"}, 2, ",\"T\":{\"" A "\":{\"name\":\"a\"}}}", NULL},
        // A dangling strong reference: alone, beside another one, as the value of a map.
        {{"{\"T\":{\"" A "\":{\"ref\":[\"uuid\",\"" B "\"]}}}"},
         1,
         ",\"T\":{\"" A "\":{}}}",
         "table T, row " A ": column ref refers to row " B " of table U, which does not exist"},
        {{"{\"U\":{\"" C "\":{}},\"T\":{\"" A "\":{\"ref\":[\"set\",[[\"uuid\",\"" B
          "\"],[\"uuid\",\"" C "\"]]]}}}"},
         1,
         ",\"T\":{\"" A "\":{\"ref\":[\"uuid\",\"" C "\"]}},\"U\":{\"" C "\":{}}}",
         "refers to row " B},
        {{"{\"T\":{\"" A "\":{\"map\":[\"map\",[[\"x\",[\"uuid\",\"" A "\"]],[\"y\",[\"uuid\",\"" B
          "\"]]]]}}}"},
         1,
         ",\"T\":{\"" A "\":{\"map\":[\"map\",[[\"x\",[\"uuid\",\"" A "\"]]]]}}}",
         "column map refers to row " B},
        // A column that must not be empty: its row is deleted, and so are rows that refer to it.
        {{"{\"V\":{\"" A "\":{\"must\":[\"uuid\",\"" B "\"]},\"" C "\":{\"must\":[\"uuid\",\"" A
          "\"]},\"" D "\":{\"must\":[\"uuid\",\"" D "\"]}}}"},
         1,
         ",\"V\":{\"" D "\":{\"must\":[\"uuid\",\"" D "\"]}}}",
         "table V, row " C ": left out: column must would have too few elements"},
        // Loading removes weak references, so they are no damage.
        {{"{\"T\":{\"" A "\":{\"weak\":[\"uuid\",\"" B "\"]}}}"},
         2,
         ",\"T\":{\"" A "\":{}}}",
         "column weak refers weakly to row " B},
        // An index, and maxRows.
        {{"{\"T\":{\"" A "\":{\"name\":\"a\"}}}", "{\"T\":{\"" B "\":{\"name\":\"a\"}}}",
          "{\"T\":{\"" C "\":{\"name\":\"c\"}}}"},
         2,
         ",\"T\":{\"" A "\":{\"name\":\"a\"},\"" C "\":{\"name\":\"c\"}}}",
         "table T, row " B ": left out: row " A " has the same values in the index on name"},
        {{"{\"U\":{\"" A "\":{},\"" B "\":{}}}"},
         1,
         ",\"U\":{\"" A "\":{}}}",
         "table U, row " B ": left out: the table may have no more than 1 rows"},
        // Records that cannot be applied have no effect.
        {{"{\"T\":{\"" A "\":{\"name\":\"a\"}}}",
          "{\"T\":{\"" A "\":{\"name\":\"b\"},\"" B "\":{\"nope\":1}}}",
          "{\"T\":{\"" C "\":{\"name\":\"c\"}}}"},
         2,
         ",\"T\":{\"" A "\":{\"name\":\"a\"},\"" C "\":{\"name\":\"c\"}}}",
         "cannot be applied: unknown column"},
        {{"{\"T\":{\"" A "\":{\"name\":\"a\"}}}", "{\"T\":{\"" A "\":null,\"" B "\":null}}",
          "{\"T\":{\"" A "\":null}}"},
         2,
         "}",
         "deletes a row that does not exist"},
        {{"not JSON", "[]", "{\"T\":{\"" A "\":{\"limited\":-1}}}"}, 1, "}", "cannot be applied"},
        // The same row twice in one record.
        {{"{\"T\":{\"" A "\":{\"name\":\"a\"}}}", "{\"T\":{\"" A "\":null,\"" A "\":null}}"},
         2,
         "}",
         "cannot be applied as a whole"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct buf file = {0};
        _cleanup_free_ char *text = NULL;
        struct outcome outcome;

        put_schema(&file, SCHEMA);
        for (size_t j = 0; j < ARRAY_SIZE(cases[i].records) && cases[i].records[j]; j++) {
            put_record(&file, cases[i].records[j]);
        }
        write_file("d.db", buf_slice(&file));
        outcome = salvage_file();
        text = dump(outcome.all.db);
        print_message("    case %zu\n", i);
        assert_string_equal(text, cases[i].dump);
        if (cases[i].said) {
            assert_non_null(strstr(buf_cstr(&outcome.said), cases[i].said));
        } else {
            assert_int_equal(outcome.said.size, 0);
        }
        assert_int_equal(outcome.prefix.n_records, cases[i].n_prefix);
        assert_int_equal(outcome.prefix.damage == NULL, salvage_is_whole(&outcome.all));
        outcome_done(&outcome);
    }
}

// A long file in which one of the records violates a constraint: the prefix ends right before it.
static void test_violation_is_found(void **state)
{
    for (unsigned bad = 1; bad < 20; bad++) {
        _cleanup_buf_ struct buf file = {0};
        _cleanup_free_ char *place = NULL;
        struct outcome outcome;
        size_t at = 0;

        put_schema(&file, SCHEMA);
        for (unsigned i = 1; i < 20; i++) {
            _cleanup_free_ char *record = xasprintf(
                "{\"T\":{\"00000000-0000-4000-8000-%012u\":{\"name\":\"%u\",\"ref\":%s}}}", i, i,
                i == bad ? "[\"uuid\",\"" B "\"]" : "[\"set\",[]]");

            at = i == bad ? file.size : at;
            put_record(&file, record);
        }
        write_file("d.db", buf_slice(&file));
        outcome = salvage_file();
        assert_int_equal(outcome.prefix.n_records, bad);
        assert_int_equal(outcome.prefix.size, at);
        place = xasprintf("d.db: record %u at offset %zu violates a constraint: ", bad, at);
        assert_non_null(strstr(outcome.prefix.damage->details, place));
        outcome_done(&outcome);
    }
}

// Every byte is changed, and the file is cut at every byte: the prefix has the records before it,
// all records include those after it, and store_open() accepts a copy of the prefix.
static void test_everywhere(void **state)
{
    static const char *const records[] = {
        "{\"T\":{\"" A "\":{\"name\":\"a\"}}}",
        "{\"T\":{\"" B "\":{\"name\":\"b\"}}}",
        "{\"T\":{\"" C "\":{\"name\":\"c\"}}}",
    };
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4], n = 0;

    put_schema(&file, SCHEMA);
    ends[0] = file.size;
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        put_record(&file, records[i]);
        ends[i + 1] = file.size;
    }
    for (size_t at = ends[0]; at < file.size; at++) {
        struct outcome changed, cut;

        n += at == ends[n + 1];
        file.data[at] ^= 0x10;
        write_file("d.db", buf_slice(&file));
        file.data[at] ^= 0x10;
        changed = salvage_file();
        assert_int_equal(changed.prefix.size, ends[n]);
        assert_int_equal(changed.prefix.n_records, n + 1);
        assert_int_equal(changed.all.n_records, 3);
        assert_non_null(changed.prefix.damage);
        outcome_done(&changed);
        write_file("d.db", (struct slice){file.data, at});
        cut = salvage_file();
        assert_int_equal(cut.prefix.size, ends[n]);
        assert_null(cut.prefix.damage);
        assert_int_equal(cut.prefix.torn != NULL, at > ends[n]);
        assert_int_equal(cut.all.is_torn, at > ends[n]);
        outcome_done(&cut);
    }
    assert_int_equal(n, 2);
}

static void test_bad_schema(void **state)
{
    static const char *const texts[] = {"[]", "{\"name\":\"d\",\"tables\":5}", "x"};
    const struct findings findings = {on_found, NULL};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_buf_ struct buf file = {0};
        _cleanup_close_ int fd = -1;
        struct salvage_prefix prefix;
        struct load_damage damage;
        struct salvage all;

        put_record(&file, texts[i]);
        write_file("d.db", buf_slice(&file));
        fd = open("d.db", O_RDONLY | O_CLOEXEC);
        assert_error(salvage_prefix(fd, "d.db", NULL, &prefix, &damage),
                     "d.db: record 0 at offset 0");
        assert_error(salvage_all(fd, "d.db", &findings, NULL, &all), "d.db: record 0 at offset 0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_violation_is_found),
        cmocka_unit_test(test_everywhere),
        cmocka_unit_test(test_bad_schema),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
