// SPDX-License-Identifier: Apache-2.0
#include "store/stream.h"

#include "basic/file.h"
#include "store/record.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>

#define LENGTH_DIGITS 15
#define UNSYNCED_MAX  ((uint64_t)16 << 20) // bytes in writeback

void stream_begin(struct stream *stream, const char *magic, int fd, uint64_t offset)
{
    *stream = (struct stream){.magic = magic, .fd = fd, .offset = offset};
    record_begin(&stream->buf);
}

// The size of the header of a long record, LF included.
static size_t header_size(const struct stream *stream)
{
    return strlen(stream->magic) + LENGTH_DIGITS + 1 + 2 * RECORD_ID_SIZE + 1;
}

void stream_done(struct stream *stream)
{
    if (stream->hash) {
        gnutls_hash_deinit(stream->hash, NULL);
    }
    buf_done(&stream->buf);
}

// Starts the writeback of a piece, and waits for an earlier one. This limits the bytes in
// writeback, so that a sync of another file on the same disk does not wait long.
static void start_writeback(struct stream *stream, uint64_t at, uint64_t size)
{
    sync_file_range(stream->fd, (off_t)at, (off_t)size, SYNC_FILE_RANGE_WRITE);
    if (at >= stream->offset + UNSYNCED_MAX) {
        sync_file_range(stream->fd, (off_t)(at - UNSYNCED_MAX), (off_t)size,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                            SYNC_FILE_RANGE_WAIT_AFTER);
    }
}

int stream_flush(struct stream *stream)
{
    struct slice data = {stream->buf.data + RECORD_HEADER_MAX,
                         stream->buf.size - RECORD_HEADER_MAX};
    uint64_t at = stream->offset + header_size(stream) + stream->size;
    int r;

    assert(stream->buf.size >= RECORD_HEADER_MAX);
    if (!stream->is_long) {
        stream->is_long = true;
        if (gnutls_hash_init(&stream->hash, GNUTLS_DIG_SHA1) < 0) {
            fputs("SHA-1 is not available in the crypto library\n", stderr);
            abort(); // as record_sha1()
        }
    }
    gnutls_hash(stream->hash, data.data, data.size);
    r = file_write_at(stream->fd, data.data, data.size, (off_t)at);
    if (r) {
        return r;
    }
    start_writeback(stream, at, data.size);
    stream->size += data.size;
    stream->buf.size = RECORD_HEADER_MAX;
    return 0;
}

static int write_header(const struct stream *stream, const uint8_t sha1[RECORD_ID_SIZE])
{
    char header[RECORD_HEADER_MAX];
    int n = snprintf(header, sizeof(header), "%s%0*llu ", stream->magic, LENGTH_DIGITS,
                     (unsigned long long)stream->size);

    for (int i = 0; i < RECORD_ID_SIZE; i++) {
        n += snprintf(header + n, sizeof(header) - (size_t)n, "%02x", sha1[i]);
    }
    header[n++] = '\n';
    assert((size_t)n == header_size(stream));
    return file_write_at(stream->fd, header, (size_t)n, (off_t)stream->offset);
}

int stream_end(struct stream *stream, uint64_t *ret_size)
{
    uint8_t sha1[RECORD_ID_SIZE];
    int r;

    if (!stream->is_long) {
        struct slice record = record_end_as(stream->magic, &stream->buf, sha1);

        *ret_size = record.size;
        return file_write_at(stream->fd, record.data, record.size, (off_t)stream->offset);
    }
    buf_putc(&stream->buf, '\n');
    r = stream_flush(stream);
    if (r) {
        return r;
    }
    gnutls_hash_output(stream->hash, sha1);
    *ret_size = header_size(stream) + stream->size;
    return write_header(stream, sha1);
}
