// SPDX-License-Identifier: Apache-2.0
// Hashes for tables in memory. hash_u64() and hash_bytes() are SipHash-1-3 with a key that is
// random in each process, so that a client cannot choose keys that collide. `basis` combines
// values: pass the hash of the values before, or 0 for the first.
//
// SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. 1-3 has fewer rounds
// than the original 2-4; it is the usual variant where the hashes themselves are not sent to
// clients.
#pragma once

#include <stddef.h>
#include <stdint.h>

// SipHash of the 8 bytes of `basis` and the 8 bytes of `x`, both little-endian.
uint64_t hash_u64(uint64_t x, uint64_t basis);
// SipHash of the 8 bytes of `basis` and the bytes of `data`. O(size).
uint64_t hash_bytes(const void *data, size_t size, uint64_t basis);
// A faster hash, for tables whose keys clients do not choose (names of a schema) and for caches, in
// which a collision costs nothing. O(size).
uint64_t hash_name(const void *data, size_t size);
// Replaces the random key, for runs that must be repeatable. Only before any table is filled.
void hash_set_key(uint64_t k0, uint64_t k1);

// Mixes the bits without a key: for pointers and other values that clients do not choose, and for
// results that must be the same in every process.
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}
