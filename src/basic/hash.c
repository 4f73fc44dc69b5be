// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t keys[2]; // set before main()

__attribute__((constructor)) static void hash_key_init(void)
{
    if (getrandom(keys, sizeof(keys), GRND_NONBLOCK) != sizeof(keys)) {
        keys[0] = hash_mix((uint64_t)time(NULL)); // the kernel has no random numbers yet
        keys[1] = hash_mix(keys[0]);
    }
}

void hash_set_key(uint64_t k0, uint64_t k1)
{
    keys[0] = k0;
    keys[1] = k1;
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *sip)
{
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = rotate_left(sip->v1, 13) ^ sip->v0;
    sip->v3 = rotate_left(sip->v3, 16) ^ sip->v2;
    sip->v0 = rotate_left(sip->v0, 32);
    sip->v2 += sip->v1;
    sip->v0 += sip->v3;
    sip->v1 = rotate_left(sip->v1, 17) ^ sip->v2;
    sip->v3 = rotate_left(sip->v3, 21) ^ sip->v0;
    sip->v2 = rotate_left(sip->v2, 32);
}

static inline void sip_add(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_round(sip);
    sip->v0 ^= word;
}

static inline struct sip sip_begin(uint64_t first_word)
{
    struct sip sip = {
        .v0 = keys[0] ^ 0x736f6d6570736575u, // "somepseudorandomlygeneratedbytes"
        .v1 = keys[1] ^ 0x646f72616e646f6du,
        .v2 = keys[0] ^ 0x6c7967656e657261u,
        .v3 = keys[1] ^ 0x7465646279746573u,
    };

    sip_add(&sip, first_word);
    return sip;
}

// `last`: the bytes after the last whole word, the total number of bytes modulo 256 on top.
static inline uint64_t sip_end(struct sip *sip, uint64_t last)
{
    sip_add(sip, last);
    sip->v2 ^= 0xff;
    sip_round(sip);
    sip_round(sip);
    sip_round(sip);
    return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

uint64_t hash_u64(uint64_t x, uint64_t basis)
{
    struct sip sip = sip_begin(basis);

    sip_add(&sip, x);
    return sip_end(&sip, 16ull << 56);
}

uint64_t hash_bytes(const void *data, size_t size, uint64_t basis)
{
    struct sip sip = sip_begin(basis);
    uint64_t total = sizeof(basis) + size;
    const unsigned char *p = data;
    uint64_t word;

    assert(data || !size);
    for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        sip_add(&sip, le64toh(word));
    }
    word = 0;
    if (size) {
        memcpy(&word, p, size);
    }
    return sip_end(&sip, le64toh(word) | total << 56);
}

// Multiplies, and combines both halves of the product.
static uint64_t multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_name(const void *data, size_t size)
{
    uint64_t hash = keys[0] ^ (size * 0x9e3779b97f4a7c15u);
    const unsigned char *p = data;
    uint64_t word;

    assert(data || !size);
    for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        hash = multiply(hash ^ word, 0x9fb21c651e98df25u);
    }
    if (size) {
        word = 0;
        memcpy(&word, p, size);
        hash = multiply(hash ^ word, 0xa0761d6478bd642fu);
    }
    return hash_mix(hash);
}
