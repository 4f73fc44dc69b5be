// SPDX-License-Identifier: Apache-2.0
// How numbers are read and printed, which clients and stored files depend on. A token whose exact
// value is an integer that fits in 64 bits is an integer however it is written (1.0, 1e3, -0.0).
// Every other token is a real, rounded correctly however it is written: 1e-400 is the real 0, and
// 12345678901234567890 and 12345678901234567890.0 are the same real. A real is printed with 15
// significant digits if these read back the same, else with 17. The one exception is 2^63, which is
// read as 9.22337203685478e+18, what clients expect to be printed for it.
#pragma once

#include "basic/buf.h"

#include <stdint.h>

// Reads a valid JSON number token. True: an integer; false: a real, infinite if the token's value
// is beyond what a double can hold: callers that keep it must refuse it then.
bool number_parse(struct slice token, int64_t *ret_integer, double *ret_real);
// Converts a real to an integer if it is one exactly and in range.
bool number_real_to_integer(double real, int64_t *ret_integer);
void number_put_integer(struct buf *buf, int64_t value);
// An infinite value is written as the largest finite one: JSON has no other way.
void number_put_real(struct buf *buf, double value);
