// SPDX-License-Identifier: Apache-2.0
// Writes one record in pieces, because it may be too long for memory. The header of a record has
// its length and hash, which are known at the end. So the header is written last, and its length is
// padded with zeros to a fixed width.
#pragma once

#include "basic/buf.h"

#include <gnutls/crypto.h>
#include <stdint.h>

struct stream {
    const char *magic; // of the header
    struct buf buf; // the caller appends the JSON here and calls stream_flush() from time to time
    int fd;
    uint64_t offset; // of the record in the file
    uint64_t size;   // of the JSON written so far
    bool is_long;    // stream_flush() has been called
    gnutls_hash_hd_t hash;
};

// `magic` is RECORD_MAGIC or RECORD_MAGIC_CLUSTER.
void stream_begin(struct stream *stream, const char *magic, int fd, uint64_t offset);
// Writes the buffer to the file, starts its writeback and clears it. 0 or negative errno.
int stream_flush(struct stream *stream);
// Writes the rest and the header. *ret_size is the size of the whole record. 0 or negative errno.
int stream_end(struct stream *stream, uint64_t *ret_size);
void stream_done(struct stream *stream);
