// SPDX-License-Identifier: Apache-2.0
#include "basic/uuid.h"

#include "basic/macro.h"
#include "basic/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

// Fetches random bytes from the kernel in batches, so that one system call serves many UUIDs.
static void random_bytes(void *out, size_t size)
{
    static uint8_t pool[4096];
    static size_t used = sizeof(pool);

    assert(size <= sizeof(pool));
    if (sizeof(pool) - used < size) {
        size_t got = 0;

        while (got < sizeof(pool)) {
            ssize_t n = getrandom(pool + got, sizeof(pool) - got, 0);

            if (n < 0 && errno != EINTR) {
                perror("getrandom");
                abort();
            }
            got += n > 0 ? (size_t)n : 0;
        }
        used = 0;
    }
    memcpy(out, pool + used, size);
    used += size;
}

struct uuid uuid_random(void)
{
    struct uuid uuid;

    random_bytes(&uuid, sizeof(uuid));
    uuid.hi = (uuid.hi & ~0xf000ull) | 0x4000;
    uuid.lo = (uuid.lo & ~(3ull << 62)) | (2ull << 62);
    return uuid;
}

// Parses `n` hexadecimal digits. False, with *ret untouched, if a character is no digit.
static bool take_hex(const char *p, int n, uint64_t *ret)
{
    uint64_t number = 0;

    for (int i = 0; i < n; i++) {
        int value = str_hex_value(p[i]);

        if (value < 0) {
            return false;
        }
        number = number << 4 | (unsigned)value;
    }
    *ret = number;
    return true;
}

bool uuid_parse(struct slice text, struct uuid *ret)
{
    const char *p = text.data;
    uint64_t part[5];

    if (text.size != UUID_LEN || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-' ||
        !take_hex(p, 8, &part[0]) || !take_hex(p + 9, 4, &part[1]) ||
        !take_hex(p + 14, 4, &part[2]) || !take_hex(p + 19, 4, &part[3]) ||
        !take_hex(p + 24, 12, &part[4])) {
        return false;
    }
    *ret = (struct uuid){part[0] << 32 | part[1] << 16 | part[2], part[3] << 48 | part[4]};
    return true;
}

// Writes the lowest `n` hexadecimal digits of `value`. Returns the address after them.
static char *put_hex(char *p, int n, uint64_t value)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = n - 1; i >= 0; i--) {
        p[i] = hex[value & 15];
        value >>= 4;
    }
    return p + n;
}

void uuid_format(struct uuid uuid, char text[UUID_LEN])
{
    char *p = put_hex(text, 8, uuid.hi >> 32);

    *p++ = '-';
    p = put_hex(p, 4, uuid.hi >> 16);
    *p++ = '-';
    p = put_hex(p, 4, uuid.hi);
    *p++ = '-';
    p = put_hex(p, 4, uuid.lo >> 48);
    *p++ = '-';
    put_hex(p, 12, uuid.lo);
}

const char *uuid_text(struct uuid uuid, char text[UUID_TEXT_SIZE])
{
    uuid_format(uuid, text);
    text[UUID_LEN] = '\0';
    return text;
}

struct uuid uuid_from_bytes(const uint8_t bytes[16])
{
    struct uuid uuid = UUID_ZERO;

    for (int i = 0; i < 8; i++) {
        uuid.hi = uuid.hi << 8 | bytes[i];
        uuid.lo = uuid.lo << 8 | bytes[8 + i];
    }
    return uuid;
}
