// SPDX-License-Identifier: Apache-2.0
// HTTP content negotiation (RFC 9110 12.5.1) between the two formats of metrics.
#pragma once

#include "basic/slice.h"

#include <stdbool.h>

// Returns true if the Accept fields of `request` (the request line and the header fields) accept
// application/openmetrics-text with at least the quality of text/plain. Wildcards do not count.
// O(size).
bool accept_wants_openmetrics(struct slice request);
