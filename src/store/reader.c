// SPDX-License-Identifier: Apache-2.0
// Records are read through a window: a buffer with the bytes of the file from some offset on.
//
// A bad record is torn if an interrupted write explains it: the file ends inside the header line or
// inside the data, or the file ends with zeros that begin inside the record (blocks that were
// allocated but not written). Everything else is damage, in particular
//
// - a record with its full length and a last byte other than zero, but with a wrong hash: after a
//   compaction the last record is the whole database;
// - a header whose length exceeds the file although its data is complete (a JSON object and its
//   LF are there): then the length in the header is wrong;
// - bytes that do not begin like a header, among them empty lines and blanks;
// - a bad record that is followed by a whole one.
#include "store/reader.h"

#include "store/record.h"

#include "json/framer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define READ_SIZE     262144
#define READ_SIZE_MAX ((size_t)8 << 20) // progress is reported after each such piece
#define SEARCH_FACTOR 4 // bytes that the search for whole records may hash, per byte of the file

struct reader {
    const char *magic; // RECORD_MAGIC or RECORD_MAGIC_CLUSTER
    int fd;
    bool owns_fd;
    char *path;
    uint64_t file_size;
    uint64_t offset; // of the next record
    uint64_t number;
    struct buf window;
    uint64_t window_offset;
    enum reader_status status;
    uint64_t next_whole;    // after a bad record: offset of the next whole one, or the file's end
    uint64_t search_budget; // remaining bytes that the search for whole records may hash
    int read_error;         // errno
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

// Reads until the window has `want` bytes from window_offset on, or up to the end of the file.
// False if reading has failed.
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
        if (!n) { // another program has truncated the file
            reader->file_size = reader->window_offset + window->size;
            return true;
        }
        window->size += (size_t)n;
    }
    return true;
}

// Sets *ret to `size` bytes at `offset`, or fewer at the end of the file; valid until the next
// call. `offset` must not decrease between calls. False if reading has failed.
static bool fill_window(struct reader *reader, uint64_t offset, uint64_t size, struct slice *ret)
{
    struct buf *window = &reader->window;
    uint64_t left = reader->file_size - offset;
    size_t want = (size_t)MIN(size, left), at = (size_t)(offset - reader->window_offset);

    assert(offset >= reader->window_offset && offset <= reader->file_size);
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

// The beginning of a record.
struct parsed {
    bool has_header;
    struct record_header header;
    size_t header_size; // LF included
    bool has_data;
};

// Parses the bytes at some offset. `n_available` is the number of bytes from there to the end of
// the file.
static struct parsed parse_at(const struct reader *reader, struct slice rest, uint64_t n_available)
{
    struct parsed parsed = {0};
    size_t limit = MIN(rest.size, (size_t)RECORD_HEADER_MAX);
    const char *end = limit ? memchr(rest.data, '\n', limit) : NULL;

    if (end &&
        record_header_parse(reader->magic, (struct slice){rest.data, (size_t)(end - rest.data)},
                            &parsed.header)) {
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

// Finds the next whole record after the first byte of `rest`. Returns its position, or rest.size if
// there is none. If the search would hash more bytes than search_budget, it ends and sets
// *ret_given_up: such a file is full of false headers.
static size_t find_whole_record(struct reader *reader, struct slice rest, bool *ret_given_up)
{
    const char *p = rest.data + 1, *end = rest.data + rest.size;

    *ret_given_up = false;
    while (p < end && (p = memmem(p, (size_t)(end - p), reader->magic, strlen(reader->magic)))) {
        struct slice at = {p, (size_t)(end - p)};
        struct parsed parsed = parse_at(reader, at, at.size);

        if (parsed.has_data) {
            if (parsed.header.size > reader->search_budget) {
                *ret_given_up = true;
                return rest.size;
            }
            if (hash_is_right((struct slice){p + parsed.header_size, (size_t)parsed.header.size},
                              &parsed.header)) {
                return (size_t)(p - rest.data);
            }
            reader->search_budget -= parsed.header.size;
        }
        p++;
    }
    return rest.size;
}

// The size without the zeros at the end.
static size_t size_without_zeros(struct slice data)
{
    while (data.size && !data.data[data.size - 1]) {
        data.size--;
    }
    return data.size;
}

// True if the bytes are the beginning of a header line (which may be empty) followed by zeros (of
// which there may be none).
static bool is_unfinished_header(const struct reader *reader, struct slice rest)
{
    rest.size = size_without_zeros(rest);
    return rest.size < RECORD_HEADER_MAX && record_header_is_prefix(reader->magic, rest);
}

// True if the data is a complete JSON value with its LF. An incompletely written JSON object never
// is.
static bool is_complete_line(struct slice data)
{
    struct framer framer;
    size_t size;

    framer_init(&framer, SIZE_MAX);
    return framer_feed(&framer, data.data, data.size, &size) == FRAMER_DONE && size < data.size &&
           data.data[size] == '\n';
}

// True if the bad record at the beginning of `rest` is torn. `rest` extends to the end of the file
// and contains no whole record.
static bool is_torn(const struct reader *reader, struct slice rest)
{
    struct parsed parsed = parse_at(reader, rest, rest.size);
    struct slice data = {rest.data + parsed.header_size, rest.size - parsed.header_size};

    if (!parsed.has_header) {
        return is_unfinished_header(reader, rest);
    }
    if (!parsed.has_data) {
        return !is_complete_line(data);
    }
    return size_without_zeros(data) < parsed.header.size;
}

static enum reader_status reader_fail(struct reader *reader)
{
    reader->reason = xasprintf("record %lu at offset %lu: cannot be read",
                               (unsigned long)reader->number, (unsigned long)reader->offset);
    return reader->status = READER_FAILED;
}

// The next record is bad: decides whether it is torn or damaged.
static enum reader_status reader_reject(struct reader *reader, const char *what)
{
    struct slice rest;
    size_t next = 0;
    bool is_given_up = false, has_whole = false;

    if (!fill_window(reader, reader->offset, UINT64_MAX, &rest)) {
        return reader_fail(reader);
    }
    if (rest.size) {
        next = find_whole_record(reader, rest, &is_given_up);
        assert(next && next <= rest.size);
        has_whole = next < rest.size || is_given_up;
    }
    reader->next_whole = reader->offset + next;
    reader->status =
        rest.size && !has_whole && is_torn(reader, rest) ? READER_TORN : READER_DAMAGED;
    reader->reason = xasprintf("record %lu at offset %lu: %s", (unsigned long)reader->number,
                               (unsigned long)reader->offset, what);
    return reader->status;
}

uint64_t reader_skip(struct reader *reader)
{
    uint64_t size = reader->next_whole - reader->offset;

    assert(reader->status == READER_TORN || reader->status == READER_DAMAGED);
    assert(reader->next_whole >= reader->offset);
    free(TAKE_PTR(reader->reason));
    reader->offset += size;
    reader->number++;
    reader->status = reader->offset < reader->file_size ? READER_RECORD : READER_END;
    return size;
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
    parsed = parse_at(reader, head, reader->file_size - reader->offset);
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

// True if the file begins with `magic`, or is shorter and begins like it.
static bool begins_with(struct slice head, const char *magic)
{
    return !memcmp(head.data, magic, MIN(head.size, strlen(magic)));
}

// Finds out the kind of the file from its first bytes.
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
    reader->magic = begins_with(head, RECORD_MAGIC) ? RECORD_MAGIC : RECORD_MAGIC_CLUSTER;
    if (!begins_with(head, reader->magic)) {
        return error_new(ERROR_OVSDB, "%s: this is no OVSDB database file", reader->path);
    }
    return NULL;
}

bool reader_is_clustered(const struct reader *reader)
{
    return !strcmp(reader->magic, RECORD_MAGIC_CLUSTER);
}

struct ovsdb_error *reader_open_any_fd(int fd, const char *path, struct reader **ret)
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
    reader->search_budget = reader->file_size * SEARCH_FACTOR;
    error = check_magic(reader);
    if (!error) {
        *ret = TAKE_PTR(reader);
    }
    return error;
}

static struct ovsdb_error *refuse_clustered(const struct reader *reader)
{
    return reader_is_clustered(reader)
               ? error_new(ERROR_NOT_SUPPORTED,
                           "%s: cannot apply this operation to a clustered database file; "
                           "\"ovsdb-tool cluster-to-standalone NEW %s\" makes a standalone "
                           "database of the file",
                           reader->path, reader->path)
               : NULL;
}

struct ovsdb_error *reader_open_fd(int fd, const char *path, struct reader **ret)
{
    _cleanup_reader_ struct reader *reader = NULL;
    struct ovsdb_error *error = reader_open_any_fd(fd, path, &reader);

    error = error ? error : refuse_clustered(reader);
    if (!error) {
        *ret = TAKE_PTR(reader);
    }
    return error;
}

struct ovsdb_error *reader_open(const char *path, struct reader **ret)
{
    _cleanup_reader_ struct reader *reader = NULL;
    struct ovsdb_error *error = reader_open_any(path, &reader);

    error = error ? error : refuse_clustered(reader);
    if (!error) {
        *ret = TAKE_PTR(reader);
    }
    return error;
}

struct ovsdb_error *reader_open_any(const char *path, struct reader **ret)
{
    // Without O_NONBLOCK a FIFO would block here for ever.
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct ovsdb_error *error;

    if (fd < 0) {
        return error_io(errno, "%s: cannot be opened", path);
    }
    error = reader_open_any_fd(fd, path, ret);
    if (!error) {
        (*ret)->owns_fd = true;
        TAKE_FD(fd);
    }
    return error;
}
