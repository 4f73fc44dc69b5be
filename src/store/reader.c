// SPDX-License-Identifier: Apache-2.0
// Reads records through a window on the file: the bytes from some offset on, as many as were
// needed.
//
// When a record is bad, the question is whether a power cut explains it. Appending is cut short
// somewhere: the file ends early, or blocks that were not written yet read as zeros. So it is a
// tear if only unfinished records follow each other to the end of the file: an incomplete header,
// incomplete data, complete data with a wrong hash, zeros. If anything valid follows, or a line
// that was never the beginning of a header, it is damage.
#include "store/reader.h"

#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define READ_SIZE     262144
#define READ_SIZE_MAX ((size_t)8 << 20) // then progress is told

struct reader {
    int fd;
    bool owns_fd;
    char *path;
    uint64_t file_size;
    uint64_t offset; // of the next record
    uint64_t number;
    struct buf window;
    uint64_t window_offset;
    enum reader_status status;
    int read_error; // errno
    char *reason;
    const struct progress *progress;
};

void reader_set_progress(struct reader *reader, const struct progress *progress)
{
    reader->progress = progress;
}

void reader_free(struct reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->owns_fd) {
        close(reader->fd);
    }
    buf_done(&reader->window);
    free(reader->path);
    free(reader->reason);
    free(reader);
}

// Reads until the window, which begins at window_offset, has `want` bytes. False: reading failed.
static bool read_window(struct reader *reader, size_t want)
{
    struct buf *window = &reader->window;

    while (window->size < want) {
        size_t size = MIN(window->capacity - window->size, READ_SIZE_MAX);
        uint64_t at = reader->window_offset + window->size;
        ssize_t n = pread(reader->fd, window->data + window->size, size, (off_t)at);
        int r = size == READ_SIZE_MAX
                    ? progress_step(reader->progress, "reading", at, reader->file_size)
                    : 0;

        if (r) {
            reader->read_error = -r;
            return false;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            reader->read_error = errno;
            return false;
        }
        if (!n) { // somebody made the file shorter
            reader->file_size = reader->window_offset + window->size;
            return true;
        }
        window->size += (size_t)n;
    }
    return true;
}

// `size` bytes at `offset`, or what the file has of them; valid until the next call. Offsets only
// grow.
static bool fill_window(struct reader *reader, uint64_t offset, uint64_t size, struct slice *ret)
{
    struct buf *window = &reader->window;
    uint64_t left = reader->file_size - offset;
    size_t want = (size_t)MIN(size, left), at = (size_t)(offset - reader->window_offset);

    if (window->size < at || window->size - at < want) {
        buf_consume(window, MIN(at, window->size));
        reader->window_offset = offset;
        at = 0;
        if (window->size < want) {
            buf_reserve(window, MAX(want, (size_t)MIN((uint64_t)READ_SIZE, left)) - window->size);
        }
        if (!read_window(reader, want)) {
            return false;
        }
    }
    *ret = (struct slice){window->data + at, MIN(want, window->size - at)};
    return true;
}

// What stands at the beginning of some bytes that go on to the end of the file.
struct parsed {
    bool has_header;
    struct record_header header;
    size_t header_size; // LF included
    bool has_data;
};

static struct parsed parse_at(struct slice rest, uint64_t n_available)
{
    struct parsed parsed = {0};
    size_t limit = MIN(rest.size, (size_t)RECORD_HEADER_MAX);
    const char *end = limit ? memchr(rest.data, '\n', limit) : NULL;

    if (end &&
        record_header_parse((struct slice){rest.data, (size_t)(end - rest.data)}, &parsed.header)) {
        parsed.has_header = true;
        parsed.header_size = (size_t)(end - rest.data) + 1;
        parsed.has_data = parsed.header.size <= n_available - parsed.header_size;
    }
    return parsed;
}

static bool hash_is_right(struct slice data, const struct record_header *header)
{
    uint8_t sha1[RECORD_ID_SIZE];

    record_sha1(data, sha1);
    return !memcmp(sha1, header->sha1, sizeof(sha1));
}

// Is there a valid record anywhere after the first byte? Hashes at most a few times the size: a
// file that needs more is made of false headers, and no power cut explains those.
static bool has_valid_record(struct slice rest)
{
    uint64_t budget = (uint64_t)rest.size * 4;
    const char *p = rest.data + 1, *end = rest.data + rest.size;

    while (p < end && (p = memmem(p, (size_t)(end - p), RECORD_MAGIC, strlen(RECORD_MAGIC)))) {
        struct slice at = {p, (size_t)(end - p)};
        struct parsed parsed = parse_at(at, at.size);

        if (parsed.has_data) {
            if (parsed.header.size > budget ||
                hash_is_right((struct slice){p + parsed.header_size, (size_t)parsed.header.size},
                              &parsed.header)) {
                return true;
            }
            budget -= parsed.header.size;
        }
        p++;
    }
    return false;
}

// The bytes are the beginning of a header line, perhaps none, and then zeros, perhaps none.
static bool is_unfinished_header(struct slice rest)
{
    while (rest.size && !rest.data[rest.size - 1]) {
        rest.size--;
    }
    return rest.size < RECORD_HEADER_MAX && record_header_is_prefix(rest);
}

// `rest` begins with a bad record and goes on to the end of the file.
static bool is_torn(struct slice rest)
{
    if (has_valid_record(rest)) {
        return false;
    }
    while (rest.size) {
        struct parsed parsed = parse_at(rest, rest.size);
        size_t size = parsed.header_size + (size_t)parsed.header.size;

        if (!parsed.has_header) {
            return is_unfinished_header(rest);
        }
        if (!parsed.has_data) {
            return true;
        }
        rest = (struct slice){rest.data + size, rest.size - size};
    }
    return true;
}

static enum reader_status reader_fail(struct reader *reader)
{
    reader->reason = xasprintf("record %lu at offset %lu: cannot be read",
                               (unsigned long)reader->number, (unsigned long)reader->offset);
    return reader->status = READER_FAILED;
}

static enum reader_status reader_reject(struct reader *reader, const char *what)
{
    struct slice rest;

    if (!fill_window(reader, reader->offset, UINT64_MAX, &rest)) {
        return reader_fail(reader);
    }
    reader->status = rest.size && is_torn(rest) ? READER_TORN : READER_DAMAGED;
    reader->reason = xasprintf("record %lu at offset %lu: %s", (unsigned long)reader->number,
                               (unsigned long)reader->offset, what);
    return reader->status;
}

enum reader_status reader_next(struct reader *reader, struct reader_record *ret)
{
    struct slice head, all, data;
    struct parsed parsed;

    if (reader->status != READER_RECORD) {
        return reader->status;
    }
    if (!fill_window(reader, reader->offset, RECORD_HEADER_MAX, &head)) {
        return reader_fail(reader);
    }
    if (!head.size) {
        return reader->status = READER_END;
    }
    parsed = parse_at(head, reader->file_size - reader->offset);
    if (!parsed.has_header) {
        return reader_reject(reader, "there is no header line");
    }
    if (!parsed.has_data) {
        return reader_reject(reader, "the file ends before it is complete");
    }
    if (!fill_window(reader, reader->offset, parsed.header_size + parsed.header.size, &all)) {
        return reader_fail(reader);
    }
    data = (struct slice){all.data + parsed.header_size, (size_t)parsed.header.size};
    if (all.size < parsed.header_size + parsed.header.size) {
        return reader_reject(reader, "the file ends before it is complete");
    }
    if (!hash_is_right(data, &parsed.header)) {
        return reader_reject(reader, "its SHA-1 hash is not the one in its header");
    }
    *ret = (struct reader_record){
        .number = reader->number, .offset = reader->offset, .size = all.size, .text = data};
    memcpy(ret->sha1, parsed.header.sha1, RECORD_ID_SIZE);
    if (data.data[data.size - 1] == '\n') {
        ret->text.size--;
    }
    reader->offset += all.size;
    reader->number++;
    return READER_RECORD;
}

struct ovsdb_error *reader_problem(const struct reader *reader)
{
    if (reader->status == READER_FAILED) {
        return error_io(reader->read_error, "%s: %s", reader->path, reader->reason);
    }
    return error_new(ERROR_SYNTAX, "%s: %s", reader->path,
                     reader->reason ? reader->reason : "nothing is wrong");
}

const char *reader_reason(const struct reader *reader)
{
    return reader->reason ? reader->reason : "";
}

uint64_t reader_offset(const struct reader *reader)
{
    return reader->offset;
}

uint64_t reader_file_size(const struct reader *reader)
{
    return reader->file_size;
}

// Tells other files from ours by their first bytes.
static struct ovsdb_error *check_magic(struct reader *reader)
{
    struct slice head;

    if (!reader->file_size) {
        return error_new(ERROR_OVSDB,
                         "%s: the file is empty, it holds no database; ovsdb-tool create "
                         "makes one",
                         reader->path);
    }
    if (!fill_window(reader, 0, RECORD_HEADER_MAX, &head)) {
        return error_io(reader->read_error, "%s: cannot be read", reader->path);
    }
    if (head.size >= strlen(RECORD_MAGIC_CLUSTER) &&
        !memcmp(head.data, RECORD_MAGIC_CLUSTER, strlen(RECORD_MAGIC_CLUSTER))) {
        return error_new(ERROR_NOT_SUPPORTED,
                         "%s: this is a clustered database; only standalone ones are supported",
                         reader->path);
    }
    if (memcmp(head.data, RECORD_MAGIC, MIN(head.size, strlen(RECORD_MAGIC))) != 0) {
        return error_new(ERROR_OVSDB, "%s: this is no OVSDB database file", reader->path);
    }
    return NULL;
}

struct ovsdb_error *reader_open_fd(int fd, const char *path, struct reader **ret)
{
    _cleanup_reader_ struct reader *reader = NULL;
    struct ovsdb_error *error;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return error_io(errno, "%s: cannot be read", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return error_io(EISDIR, "%s: cannot be opened", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_new(ERROR_OVSDB, "%s: this is no regular file", path);
    }
    reader = NEW(struct reader);
    reader->fd = fd;
    reader->path = xstrdup(path);
    reader->file_size = (uint64_t)st.st_size;
    reader->status = READER_RECORD;
    error = check_magic(reader);
    if (!error) {
        *ret = TAKE_PTR(reader);
    }
    return error;
}

struct ovsdb_error *reader_open(const char *path, struct reader **ret)
{
    // Without O_NONBLOCK a FIFO would block here for ever.
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct ovsdb_error *error;

    if (fd < 0) {
        return error_io(errno, "%s: cannot be opened", path);
    }
    error = reader_open_fd(fd, path, ret);
    if (!error) {
        (*ret)->owns_fd = true;
        TAKE_FD(fd);
    }
    return error;
}
