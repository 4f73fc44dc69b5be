// SPDX-License-Identifier: Apache-2.0
// Snapshots in parts: cut and assembled, held back by a backlog, and wrong parts.
#include "cluster_unit.h"

#include "cluster/snapshot_parts.h"

// Contents with characters of one to four bytes, of at least `size` bytes.
static void make_contents(struct buf *buf, size_t size)
{
    static const char *const texts[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    size_t i = 0;

    buf_puts(buf, "[{\"name\":\"db\"},{\"t\":\"");
    while (buf->size < size) {
        buf_puts(buf, texts[i++ % ARRAY_SIZE(texts)]);
    }
    buf_puts(buf, "\"}]");
}

static void begin(struct snapshot_assembly *assembly, uint64_t index, uint64_t size)
{
    struct wire_snapshot snapshot = {.message = {.kind = MESSAGE_SNAPSHOT, .index = index},
                                     .size = size};

    snapshot_assembly_begin(assembly, &snapshot);
}

// Sends the snapshot over the wire. Returns the number of parts.
static size_t carry(const struct buf *contents, struct snapshot_assembly *assembly)
{
    struct wire_memory *memory = NULL;
    struct snapshot_cutter cutter;
    struct wire_message message = {.kind = WIRE_SNAPSHOT_PART};
    size_t n = 0;

    snapshot_cutter_init(&cutter, 5, buf_slice(contents));
    begin(assembly, 5, contents->size);
    while (snapshot_cutter_next(&cutter, 0, &message.part)) {
        _cleanup_buf_ struct buf text = {0};
        enum snapshot_progress progress;
        struct wire_message read;

        assert_true(message.part.data.size <= SNAPSHOT_PART_SIZE);
        wire_put(&text, &message);
        assert_null(framer_check(buf_slice(&text), SIZE_MAX, NULL, NULL));
        assert_null(wire_decode(buf_slice(&text), &memory, &read));
        assert_null(snapshot_assembly_add(assembly, &read.part, &progress));
        snapshot_cutter_advance(&cutter, &message.part);
        assert_int_equal(progress,
                         snapshot_cutter_is_done(&cutter) ? SNAPSHOT_COMPLETE : SNAPSHOT_MORE);
        n++;
    }
    assert_true(snapshot_cutter_is_done(&cutter));
    wire_memory_free(memory);
    return n;
}

// Around multiples of the size of a part, so that the cuts meet each byte of a character.
static void test_whole(void **state)
{
    static const size_t sizes[] = {1, SNAPSHOT_PART_SIZE - 8, SNAPSHOT_PART_SIZE,
                                   2 * SNAPSHOT_PART_SIZE, 3 * SNAPSHOT_PART_SIZE + 5};
    static const size_t n_parts[] = {1, 1, 2, 3, 4};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (size_t shift = 0; shift < 5; shift++) {
            struct snapshot_assembly assembly = {0};
            _cleanup_buf_ struct buf contents = {0};

            for (size_t spaces = 0; spaces < shift; spaces++) {
                buf_putc(&contents, ' ');
            }
            make_contents(&contents, sizes[i]);
            assert_int_equal(carry(&contents, &assembly), n_parts[i]);
            assert_true(slice_equals(buf_slice(&contents), buf_slice(&assembly.contents)));
            snapshot_assembly_done(&assembly);
        }
    }
}

static void test_backlog(void **state)
{
    struct snapshot_cutter cutter;
    _cleanup_buf_ struct buf contents = {0};
    struct wire_part part, again;

    make_contents(&contents, 2 * SNAPSHOT_PART_SIZE);
    snapshot_cutter_init(&cutter, 5, buf_slice(&contents));
    assert_false(snapshot_cutter_next(&cutter, SNAPSHOT_BACKLOG_SIZE + 1, &part));
    assert_true(snapshot_cutter_next(&cutter, SNAPSHOT_BACKLOG_SIZE, &part));
    assert_true(snapshot_cutter_next(&cutter, 0, &again)); // was not sent
    assert_int_equal(again.offset, 0);
    snapshot_cutter_advance(&cutter, &again);
    assert_true(snapshot_cutter_next(&cutter, 0, &part));
    assert_int_equal(part.offset, again.data.size);
    assert_false(snapshot_cutter_is_done(&cutter));
}

static struct ovsdb_error *add(struct snapshot_assembly *assembly, uint64_t index, uint64_t offset,
                               const char *data, enum snapshot_progress *ret)
{
    struct wire_part part = {index, offset, slice_of(data)};

    return snapshot_assembly_add(assembly, &part, ret);
}

static void check_error(uint64_t size, const char *first, uint64_t offset, const char *second,
                        const char *expected)
{
    struct snapshot_assembly assembly = {0};
    enum snapshot_progress progress;
    struct ovsdb_error *error;

    begin(&assembly, 5, size);
    if (first) {
        assert_null(add(&assembly, 5, 0, first, &progress));
        assert_int_equal(progress, SNAPSHOT_MORE);
    }
    error = add(&assembly, 5, offset, second, &progress);
    assert_non_null(error);
    if (!strstr(error->details, expected)) {
        fail_msg("\"%s\" is not in \"%s\"", expected, error->details);
    }
    error_free(error);
    // What follows is ignored.
    assert_null(add(&assembly, 5, offset, second, &progress));
    assert_int_equal(progress, SNAPSHOT_IGNORED);
    assert_null(assembly.contents.data);
}

static void test_errors(void **state)
{
    check_error(9, NULL, 1, "[", "a part has the offset 1 instead of 0");
    check_error(9, "[{}", 0, "[{}", "a part has the offset 0 instead of 3");
    check_error(9, "[{}", 4, ",{}", "a part has the offset 4 instead of 3");
    check_error(9, "[{}", 3, "", "a part is empty");
    check_error(9, "[{},", 4, "{}]   ", "the parts exceed its 9 bytes");
    check_error(0, NULL, 0, "[]", "the parts exceed its 0 bytes");
    check_error(9, "[{},", 4, "{,", "invalid JSON at offset 5");
    check_error(9, "[{}", 3, "]", "the JSON value does not end at its 9 bytes");
    check_error(9, NULL, 0, "[{},{}] 1", "the JSON value does not end at its 9 bytes");
    check_error(7, "[{},", 4, "{} ", "the JSON value does not end at its 7 bytes");
    check_error(4, NULL, 0, "[{}]", "an array of a schema and a transaction is expected");
    check_error(6, NULL, 0, "[1,{}]", "the schema must be an object or null");
}

// Parts of an earlier snapshot, or without one, have no effect. A new snapshot begins anew.
static void test_other_snapshot(void **state)
{
    struct snapshot_assembly assembly = {0};
    enum snapshot_progress progress;

    assert_null(add(&assembly, 5, 0, "[", &progress));
    assert_int_equal(progress, SNAPSHOT_IGNORED);
    begin(&assembly, 5, 7);
    assert_null(add(&assembly, 5, 0, "[{}", &progress));
    assert_null(add(&assembly, 4, 3, ",{}]", &progress));
    assert_int_equal(progress, SNAPSHOT_IGNORED);
    assert_int_equal(assembly.contents.size, 3);
    begin(&assembly, 6, 7);
    assert_null(add(&assembly, 6, 0, "[{}", &progress));
    assert_int_equal(progress, SNAPSHOT_MORE);
    assert_null(add(&assembly, 6, 3, ",{}]", &progress));
    assert_int_equal(progress, SNAPSHOT_COMPLETE);
    assert_slice_is(buf_slice(&assembly.contents), "[{},{}]");
    snapshot_assembly_done(&assembly);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_backlog),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_other_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
