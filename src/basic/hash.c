// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

uint64_t hash_seed;

__attribute__((constructor)) static void hash_seed_init(void)
{
    if (getrandom(&hash_seed, sizeof(hash_seed), GRND_NONBLOCK) != sizeof(hash_seed)) {
        hash_seed = hash_mix((uint64_t)time(NULL));
    }
}

// Multiply-and-coalesced change over eight bytes at a time.
static uint64_t coalesced(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *data, size_t size, uint64_t basis)
{
    const unsigned char *p = data;
    uint64_t h = basis ^ hash_seed ^ (size * 0x9e3779b97f4a7c15u);
    uint64_t word;

    for (; size >= 8; p += 8, size -= 8) {
        memcpy(&word, p, 8);
        h = coalesced(h ^ word, 0x9fb21c651e98df25u);
    }
    if (size) {
        word = 0;
        memcpy(&word, p, size);
        h = coalesced(h ^ word, 0xa0761d6478bd642fu);
    }
    return hash_mix(h);
}
