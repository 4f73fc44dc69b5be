// SPDX-License-Identifier: Apache-2.0
// Reading and printing of numbers. Clients and stored files depend on these rules:
// - A token whose exact value is an integer that fits in 64 bits is an integer, also if it is
//   written as 1.0, 1e3 or -0.0.
// - Every other token is a real, correctly rounded: 1e-400 is the real 0, and 12345678901234567890
//   and 12345678901234567890.0 are the same real.
// - A real is printed with 15 significant digits if they read back as the same value, else with 17.
// - One exception: 2^63 is read as 9.22337203685478e+18, because clients expect that text for it.
#pragma once

#include "basic/buf.h"

#include <stdint.h>

// Parses a valid JSON number (I-1). Returns true for an integer, false for a real. The real is
// infinite if the value exceeds the range of a double; callers that store it must reject it then.
bool number_parse(struct slice token, int64_t *ret_integer, double *ret_real);
// Converts a real to an integer. False, with *ret_integer untouched, if the value is no integer or
// does not fit.
bool number_real_to_integer(double real, int64_t *ret_integer);
void number_put_integer(struct buf *buf, int64_t value);
// Writes an infinite value as the largest finite one, because JSON has no notation for infinity.
void number_put_real(struct buf *buf, double value);
