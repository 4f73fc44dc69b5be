// SPDX-License-Identifier: Apache-2.0
// Whole, torn and damaged records: a file is cut at every byte, has every byte changed, and has
// various bytes appended.
#include "store_unit.h"

#include "store/reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char *const records[] = {
    "{\"_date\":1,\"T\":{}}",
    "{\"_date\":2,\"T\":{\"11111111-1111-4111-8111-111111111111\":{\"name\":\"OVSDB JSON 5 x\"}}}",
    "{\"_date\":3}",
};

// The file and the ends of its records.
static void make_file(struct buf *file, size_t ends[4])
{
    put_schema(file, TEST_SCHEMA);
    ends[0] = file->size;
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        put_record(file, records[i]);
        ends[i + 1] = file->size;
    }
}

struct outcome {
    unsigned n; // records
    uint64_t offset;
    enum reader_status status;
};

static struct outcome read_all(struct slice content)
{
    _cleanup_close_ int fd = memfd_create("records", MFD_CLOEXEC);
    _cleanup_reader_ struct reader *reader = NULL;
    struct outcome outcome = {0};
    struct reader_record record;

    assert_int_equal(write(fd, content.data, content.size), content.size);
    assert_ok(reader_open_fd(fd, "f", &reader));
    while ((outcome.status = reader_next(reader, &record)) == READER_RECORD) {
        assert_int_equal(record.number, outcome.n);
        assert_int_equal(record.offset, outcome.offset);
        outcome.offset += record.size;
        outcome.n++;
    }
    assert_int_equal(reader_next(reader, &record), outcome.status);
    assert_int_equal(reader_offset(reader), outcome.offset);
    return outcome;
}

static void assert_outcome(struct slice content, unsigned n, enum reader_status status,
                           const char *what, size_t at)
{
    struct outcome outcome = read_all(content);

    if (outcome.n != n || outcome.status != status) {
        fail_msg("%s %zu: %u records and status %d, not %u and %d", what, at, outcome.n,
                 outcome.status, n, status);
    }
}

static void test_whole(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4];
    _cleanup_schema_ struct schema *schema = schema_of_file(TEST_SCHEMA);
    struct reader_record record;
    struct reader *reader;
    uint8_t sha1[RECORD_ID_SIZE];

    make_file(&file, ends);
    write_file("d.db", buf_slice(&file));
    assert_ok(reader_open("d.db", &reader));
    assert_int_equal(reader_file_size(reader), file.size);
    assert_int_equal(reader_next(reader, &record), READER_RECORD);
    assert_slice_is(record.text, schema->json->data);
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        _cleanup_free_ char *line = xasprintf("%s\n", records[i]);

        assert_int_equal(reader_next(reader, &record), READER_RECORD);
        assert_slice_is(record.text, records[i]);
        record_sha1(slice_of(line), sha1);
        assert_memory_equal(record.sha1, sha1, sizeof(sha1));
    }
    assert_int_equal(reader_next(reader, &record), READER_END);
    reader_free(reader);
}

// A file cut at any byte is torn, not damaged, and all its whole records are read.
static void test_cut_everywhere(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4];
    unsigned n = 0;

    make_file(&file, ends);
    for (size_t cut = 1; cut <= file.size; cut++) {
        bool at_end;

        while (n < 4 && cut >= ends[n]) {
            n++;
        }
        at_end = n && cut == ends[n - 1];
        assert_outcome((struct slice){file.data, cut}, n, at_end ? READER_END : READER_TORN,
                       "cut at", cut);
    }
}

// The blocks after the cut were allocated but not written.
static void test_zeros_everywhere(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4];
    unsigned n = 0;

    make_file(&file, ends);
    for (size_t cut = 11; cut < file.size; cut++) {
        _cleanup_free_ char *copy = xmemdup(file.data, file.size);

        while (n < 4 && cut >= ends[n]) {
            n++;
        }
        memset(copy + cut, 0, file.size - cut);
        assert_outcome((struct slice){copy, file.size}, n, READER_TORN, "zeros from", cut);
    }
}

// A changed byte is damage at every position, and never a tear. (Changing the case of a hexadecimal
// digit in a header has no effect.)
static void test_flip_everywhere(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4];
    unsigned n = 0;

    make_file(&file, ends);
    for (size_t at = strlen(RECORD_MAGIC); at < file.size; at++) {
        char byte = file.data[at];

        while (at >= ends[n]) {
            n++;
        }
        for (unsigned flip = 1; flip < 0x20; flip <<= 1) {
            file.data[at] = (char)(byte ^ (char)flip);
            if (file.data[at]) {
                assert_outcome(buf_slice(&file), n, READER_DAMAGED, "changed at", at);
            }
        }
        file.data[at] = byte;
    }
}

// A length that is too long is damage if the data is complete, and a tear if it is not.
static void test_long_length(void **state)
{
    static const struct {
        const char *tail;
        enum reader_status status;
    } cases[] = {
        {"OVSDB JSON 9 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n", READER_DAMAGED},
        {"OVSDB JSON 800 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n", READER_DAMAGED},
        {"OVSDB JSON 800 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n\n", READER_DAMAGED},
        {"OVSDB JSON 9 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}", READER_TORN},
        {"OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}", READER_TORN},
        {"OVSDB JSON 800 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1", READER_TORN},
        {"OVSDB JSON 800 8a3d961f7fe8ef7b41d461059884a9461be85058\n", READER_TORN},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct buf file = {0};
        size_t ends[4];

        make_file(&file, ends);
        buf_puts(&file, cases[i].tail);
        assert_outcome(buf_slice(&file), 4, cases[i].status, "long length", i);
    }
}

// Zeros at the end are a tear only where they begin inside a record.
static void test_zero_tails(void **state)
{
    static const char zeros[300];
    _cleanup_buf_ struct buf file = {0};
    size_t ends[4];
    char byte;

    make_file(&file, ends);
    file.data[ends[3] - 3] ^= 1;
    buf_put(&file, zeros, sizeof(zeros));
    assert_outcome(buf_slice(&file), 3, READER_DAMAGED, "wrong hash before zeros", 0);
    file.data[ends[3] - 3] ^= 1;
    assert_outcome(buf_slice(&file), 4, READER_TORN, "zeros after a whole record", 0);
    byte = file.data[ends[3] - 1];
    file.data[ends[3] - 1] = '\0';
    assert_outcome(buf_slice(&file), 3, READER_TORN, "zeros from the last byte on", 0);
    file.data[ends[3] - 1] = byte;
    buf_puts(&file, "x");
    assert_outcome(buf_slice(&file), 4, READER_DAMAGED, "zeros and more", 0);
}

static void test_tails(void **state)
{
    static const struct {
        const char *tail;
        enum reader_status status;
    } cases[] = {
        {"O", READER_TORN},
        {"OVSDB JSON 12 0123", READER_TORN},
        {"OVSDB JSON 12\n", READER_DAMAGED},
        {"garbage", READER_DAMAGED},
        {"garbage\n", READER_DAMAGED},
        {"\n", READER_DAMAGED},
        {" ", READER_DAMAGED},
        {"\n\n \t\n", READER_DAMAGED},
        // The length and the last byte are right, the hash is wrong.
        {"OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n", READER_DAMAGED},
        {"OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\nOVSDB", READER_DAMAGED},
        {"OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\ngarbage\n",
         READER_DAMAGED},
        // A whole record follows, at the expected offset or at another one.
        {"OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n"
         "OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85059\n{\"a\":1}\n",
         READER_DAMAGED},
        {"OVSDB JSON 99999 8a3d961f7fe8ef7b41d461059884a9461be85058\n{\"a\":1}\n"
         "OVSDB JSON 8 8a3d961f7fe8ef7b41d461059884a9461be85059\n{\"a\":1}\n",
         READER_DAMAGED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct buf file = {0};
        size_t ends[4];

        make_file(&file, ends);
        buf_puts(&file, cases[i].tail);
        assert_outcome(buf_slice(&file), 4, cases[i].status, "tail", i);
    }
}

// Records larger than the window, LFs in the JSON, a last line without LF.
static void test_sizes(void **state)
{
    _cleanup_buf_ struct buf file = {0}, json = {0};

    put_schema(&file, TEST_SCHEMA);
    for (size_t size = 1; size < 3000000; size = size * 3 + 1) {
        buf_clear(&json);
        for (size_t i = 0; i < size; i++) {
            buf_putc(&json, i % 100 ? 'x' : '\n');
        }
        put_record(&file, buf_cstr(&json));
    }
    assert_outcome(buf_slice(&file), 1 + 14, READER_END, "sizes", 0);
    buf_clear(&file);
    put_schema(&file, TEST_SCHEMA);
    buf_puts(&file, "OVSDB JSON 2 bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f\n{}");
    assert_outcome(buf_slice(&file), 2, READER_END, "no LF", 0);
}

// After damage, reader_skip() continues at the next whole record.
static void test_skip(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    _cleanup_reader_ struct reader *reader = NULL;
    struct reader_record record;
    size_t ends[4];

    make_file(&file, ends);
    file.data[ends[0] + 5] ^= 1;
    file.data[ends[2] - 3] ^= 1;
    buf_puts(&file, "garbage\n");
    put_record(&file, "{}");
    buf_puts(&file, "OVSDB JSO");
    write_file("d.db", buf_slice(&file));
    assert_ok(reader_open("d.db", &reader));
    assert_int_equal(reader_next(reader, &record), READER_RECORD);
    assert_int_equal(reader_next(reader, &record), READER_DAMAGED);
    assert_int_equal(reader_skip(reader), ends[2] - ends[0]); // two bad records, one place
    assert_int_equal(reader_next(reader, &record), READER_RECORD);
    assert_slice_is(record.text, records[2]);
    assert_int_equal(record.number, 2);
    assert_int_equal(record.offset, ends[2]);
    assert_int_equal(reader_next(reader, &record), READER_DAMAGED);
    assert_int_equal(reader_skip(reader), strlen("garbage\n"));
    assert_int_equal(reader_next(reader, &record), READER_RECORD);
    assert_slice_is(record.text, "{}");
    assert_int_equal(reader_next(reader, &record), READER_TORN);
    assert_non_null(strstr(reader_reason(reader), "record 5 at offset"));
    assert_int_equal(reader_skip(reader), strlen("OVSDB JSO"));
    assert_int_equal(reader_next(reader, &record), READER_END);
}

// Many false headers, each with the length of the rest of the file, must not take quadratic time.
static void test_false_headers(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    size_t size = 50000 * 62;

    put_schema(&file, TEST_SCHEMA);
    for (size_t i = 0; i < 50000; i++) {
        buf_printf(&file, "OVSDB JSON %09zu 0000000000000000000000000000000000000000\n",
                   size - i * 62 - 62);
    }
    assert_outcome(buf_slice(&file), 1, READER_DAMAGED, "false headers", 0);
}

static void test_other_files(void **state)
{
    struct reader *reader;

    assert_error(reader_open("nope.db", &reader), "nope.db: cannot be opened: No such file");
    write_file("empty.db", SLICE(""));
    assert_error(reader_open("empty.db", &reader), "empty.db: the file is empty");
    write_file("foreign.db", SLICE("hello\n"));
    assert_error(reader_open("foreign.db", &reader), "foreign.db: this is no OVSDB database");
    write_file("short.db", SLICE("OVSX"));
    assert_error(reader_open("short.db", &reader), "short.db: this is no OVSDB database");
    write_file("cluster.db", SLICE("OVSDB CLUSTER 5 da39a3ee5e6b4b0d3255bfef95601890afd80709\n"));
    assert_error(reader_open("cluster.db", &reader),
                 "cluster.db: cannot apply this operation to a clustered");
    assert_int_equal(mkdir("folder", 0755), 0);
    assert_error(reader_open("folder", &reader), "folder: cannot be opened: Is a directory");
    assert_int_equal(mkfifo("fifo", 0644), 0);
    assert_error(reader_open("fifo", &reader), "fifo: this is no regular file");
}

// The file becomes shorter while it is read.
static void test_shrinking(void **state)
{
    _cleanup_buf_ struct buf file = {0}, json = {0};
    struct reader_record record;
    struct reader *reader;

    buf_puts(&json, "{\"a\":\"");
    for (size_t i = 0; i < 1000000; i++) {
        buf_putc(&json, 'x');
    }
    buf_puts(&json, "\"}");
    put_schema(&file, TEST_SCHEMA);
    put_record(&file, buf_cstr(&json));
    write_file("d.db", buf_slice(&file));
    assert_ok(reader_open("d.db", &reader));
    assert_int_equal(reader_next(reader, &record), READER_RECORD);
    assert_int_equal(truncate("d.db", 500000), 0);
    assert_int_equal(reader_next(reader, &record), READER_TORN);
    assert_error(reader_problem(reader), "the file ends before it is complete");
    reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_zeros_everywhere),
        cmocka_unit_test(test_flip_everywhere),
        cmocka_unit_test(test_long_length),
        cmocka_unit_test(test_zero_tails),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_false_headers),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_shrinking),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
