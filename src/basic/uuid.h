// SPDX-License-Identifier: Apache-2.0
// UUIDs (RFC 4122). The two integers hold the first and the last 8 bytes in big-endian order, so
// that numeric order is the order of the text forms.
#pragma once

#include "basic/hash.h"
#include "basic/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define UUID_LEN  36 // characters of the text form
#define UUID_ZERO ((struct uuid){0, 0})

struct uuid {
    uint64_t hi;
    uint64_t lo;
};

// Returns a new UUID at each call. Layers that must be repeatable from a seed get their UUIDs from
// such a function: uuid_random() in programs, a generator with a seed in tests.
typedef struct uuid uuid_source(void);
// A random (version 4) UUID. Engine thread only.
struct uuid uuid_random(void);
// Parses a UUID of exactly UUID_LEN characters in either case. False, with *ret untouched, if
// `text` is no UUID.
bool uuid_parse(struct slice text, struct uuid *ret);
// Writes the UUID_LEN characters of the text form, without a terminating NUL.
void uuid_format(struct uuid uuid, char text[UUID_LEN]);
// The UUID that consists of these bytes, in this order.
struct uuid uuid_from_bytes(const uint8_t bytes[16]);

#define UUID_TEXT_SIZE (UUID_LEN + 1)
// Writes the text form with a terminating NUL into `text` and returns `text`.
const char *uuid_text(struct uuid uuid, char text[UUID_TEXT_SIZE]);

static inline bool uuid_equals(struct uuid a, struct uuid b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline bool uuid_is_zero(struct uuid uuid)
{
    return !uuid.hi && !uuid.lo;
}

static inline int uuid_compare(struct uuid a, struct uuid b)
{
    if (a.hi != b.hi) {
        return a.hi < b.hi ? -1 : 1;
    }
    return (a.lo > b.lo) - (a.lo < b.lo);
}

static inline uint64_t uuid_hash(struct uuid uuid)
{
    return hash_u64(uuid.hi, uuid.lo);
}
