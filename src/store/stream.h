// SPDX-License-Identifier: Apache-2.0
// Writes one record that may be too long for memory. A record begins with its length and its hash,
// which are known at its end: of one that has been written in pieces, the length is padded with
// zeros.
#pragma once

#include "basic/buf.h"

#include <gnutls/crypto.h>
#include <stdint.h>

struct stream {
    struct buf buf; // the JSON goes here; now and then stream_flush()
    int fd;
    uint64_t offset; // of the record in the file
    uint64_t size;   // of the JSON that has been written
    bool is_long;    // something has been written
    gnutls_hash_hd_t hash;
};

void stream_begin(struct stream *stream, int fd, uint64_t offset);
// Writes what is in the buffer and starts its way to the disk. 0 or negative errno.
int stream_flush(struct stream *stream);
// Writes the rest and the header. *ret_size: of the whole record.
int stream_end(struct stream *stream, uint64_t *ret_size);
void stream_done(struct stream *stream);
