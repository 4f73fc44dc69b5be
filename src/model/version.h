// SPDX-License-Identifier: Apache-2.0
// Versions of schemas, x.y.z (RFC 7047 3.1 <version>). They are compared number by number.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct version {
    uint64_t parts[3];
};

// False, with *ret untouched, if `text` is no version or a number in it exceeds 64 bits.
bool version_parse(const char *text, struct version *ret);
// Compares with `operator`: < <= == >= > or !=. False if the operator is unknown.
bool version_test(const struct version *a, const char *operator, const struct version * b,
                  bool *ret);
