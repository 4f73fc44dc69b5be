// SPDX-License-Identifier: Apache-2.0
// Schema versions, x.y.z (RFC 7047 3.1 <version>), compared number by number.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct version {
    uint64_t parts[3];
};

// False if `text` is no version, or a number in it does not fit.
bool version_parse(const char *text, struct version *ret);
// `operator` is one of < <= == >= > !=; false if it is not.
bool version_test(const struct version *a, const char *operator, const struct version * b,
                  bool *ret);
