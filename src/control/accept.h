// SPDX-License-Identifier: Apache-2.0
// Content negotiation of HTTP (RFC 9110 12.5.1), as far as the formats of metrics need it.
#pragma once

#include "basic/slice.h"

#include <stdbool.h>

// True if the Accept fields of `request`, a request line with its header fields, ask for
// application/openmetrics-text, and not less than for text/plain. Without an Accept field, or with
// wildcards only, the answer is false. O(size).
bool accept_wants_openmetrics(struct slice request);
