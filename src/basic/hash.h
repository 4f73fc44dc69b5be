// SPDX-License-Identifier: Apache-2.0
// Hashes for tables in memory. Seeded per process, so that nobody can prepare colliding keys.
#pragma once

#include <stddef.h>
#include <stdint.h>

extern uint64_t hash_seed; // set before main() from the kernel's random numbers

static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

static inline uint64_t hash_u64(uint64_t x, uint64_t basis)
{
    return hash_mix(x ^ hash_mix(basis ^ hash_seed));
}

// O(size).
uint64_t hash_bytes(const void *data, size_t size, uint64_t basis);
