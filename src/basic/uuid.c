// SPDX-License-Identifier: Apache-2.0
#include "basic/uuid.h"

#include "basic/macro.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

// Random bytes are taken from the kernel in batches: one system call for many UUIDs.
static void random_bytes(void *out, size_t size)
{
    static uint8_t pool[4096];
    static size_t used = sizeof(pool);

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

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_dash_position(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct slice text, struct uuid *ret)
{
    uint64_t half[2] = {0, 0};
    int digits = 0;

    if (text.size != UUID_LEN) {
        return false;
    }
    for (int i = 0; i < UUID_LEN; i++) {
        if (is_dash_position(i)) {
            if (text.data[i] != '-') {
                return false;
            }
        } else {
            int value = hex_value(text.data[i]);

            if (value < 0) {
                return false;
            }
            half[digits / 16] = half[digits / 16] << 4 | (unsigned)value;
            digits++;
        }
    }
    *ret = (struct uuid){half[0], half[1]};
    return true;
}

void uuid_format(struct uuid uuid, char text[UUID_LEN])
{
    static const char hex[] = "0123456789abcdef";
    int digits = 0;

    for (int i = 0; i < UUID_LEN; i++) {
        if (is_dash_position(i)) {
            text[i] = '-';
        } else {
            uint64_t half = digits < 16 ? uuid.hi : uuid.lo;

            text[i] = hex[half >> (60 - 4 * (digits % 16)) & 15];
            digits++;
        }
    }
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
