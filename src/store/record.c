// SPDX-License-Identifier: Apache-2.0
// The frame of a record: header line and hash.
#include "store/record.h"

#include "basic/str.h"
#include "json/cursor.h"
#include "json/framer.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <stdio.h>

// "OVSDB CLUSTER <up to 20 digits> <hash>\n"
static_assert(sizeof(RECORD_MAGIC_CLUSTER) + 20 + 1 + 2 * RECORD_ID_SIZE <= RECORD_HEADER_MAX,
              "every header fits");
static_assert(RECORD_ID_SIZE >= sizeof(struct uuid), "a transaction id is a part of a hash");

static const char hex_digits[] = "0123456789abcdef";

void record_sha1(struct slice data, uint8_t ret[RECORD_ID_SIZE])
{
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, data.data, data.size, ret) < 0) {
        // The library has no SHA-1, perhaps because a policy forbids it. Without it no file can be
        // used.
        fputs("SHA-1 is not available in the crypto library\n", stderr);
        abort();
    }
}

struct uuid record_txn_id(const uint8_t sha1[RECORD_ID_SIZE])
{
    return uuid_from_bytes(sha1);
}

static bool parse_sha1(struct slice hex, uint8_t ret[RECORD_ID_SIZE])
{
    if (hex.size != 2 * RECORD_ID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < RECORD_ID_SIZE; i++) {
        int high = str_hex_value(hex.data[2 * i]), low = str_hex_value(hex.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool record_header_parse(const char *magic, struct slice line, struct record_header *ret)
{
    const char *p = line.data + strlen(magic), *end = line.data + line.size;
    struct record_header header = {0};

    if (line.size < strlen(magic) || memcmp(line.data, magic, strlen(magic)) != 0) {
        return false;
    }
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (header.size > (uint64_t)INT64_MAX / 10 - 1) {
            return false;
        }
        header.size = header.size * 10 + (uint64_t)(*p - '0');
    }
    if (!header.size || p == end || *p++ != ' ' ||
        !parse_sha1((struct slice){p, (size_t)(end - p)}, header.sha1)) {
        return false;
    }
    *ret = header;
    return true;
}

bool record_header_is_prefix(const char *magic, struct slice line)
{
    size_t n_magic = MIN(line.size, strlen(magic));
    const char *p = line.data + n_magic, *end = line.data + line.size;
    size_t n_hex = 0;

    if (memcmp(line.data, magic, n_magic) != 0) {
        return false;
    }
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    if (p < end && (p == line.data + strlen(magic) || *p++ != ' ')) {
        return false;
    }
    while (p < end && str_hex_value(*p) >= 0) {
        p++;
        n_hex++;
    }
    return p == end && n_hex <= 2 * RECORD_ID_SIZE && line.size < RECORD_HEADER_MAX;
}

// Reserves space for the header. record_end() writes the header right before the data, because its
// length depends on the length of the data.
void record_begin(struct buf *buf)
{
    buf_clear(buf);
    buf_reserve(buf, RECORD_HEADER_MAX);
    buf->size = RECORD_HEADER_MAX;
}

struct slice record_end(struct buf *buf, uint8_t ret_sha1[RECORD_ID_SIZE])
{
    return record_end_as(RECORD_MAGIC, buf, ret_sha1);
}

struct slice record_end_as(const char *magic, struct buf *buf, uint8_t ret_sha1[RECORD_ID_SIZE])
{
    char digits[24];
    int n_digits;
    char *p;

    assert(buf->size >= RECORD_HEADER_MAX);
    buf_putc(buf, '\n');
    n_digits = snprintf(digits, sizeof(digits), "%zu", buf->size - RECORD_HEADER_MAX);
    record_sha1((struct slice){buf->data + RECORD_HEADER_MAX, buf->size - RECORD_HEADER_MAX},
                ret_sha1);
    p = buf->data + RECORD_HEADER_MAX;
    *--p = '\n';
    for (size_t i = RECORD_ID_SIZE; i-- > 0;) {
        *--p = hex_digits[ret_sha1[i] & 15];
        *--p = hex_digits[ret_sha1[i] >> 4];
    }
    *--p = ' ';
    p -= n_digits;
    memcpy(p, digits, (size_t)n_digits);
    p -= strlen(magic);
    memcpy(p, magic, strlen(magic));
    assert(p >= buf->data);
    return (struct slice){p, (size_t)(buf->data + buf->size - p)};
}

struct ovsdb_error *record_check(struct slice text, struct slice *ret)
{
    size_t offset = 0;
    const char *problem = framer_check(text, SIZE_MAX, ret, &offset);

    if (problem) {
        return error_new(ERROR_SYNTAX, "no valid JSON at byte %zu of the record: %s", offset,
                         problem);
    }
    if (json_kind_of(*ret) != JSON_KIND_OBJECT) {
        return error_syntax(*ret, "the record is not a JSON object");
    }
    return NULL;
}
