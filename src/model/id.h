// SPDX-License-Identifier: Apache-2.0
// The syntax of <id> and <version> (RFC 7047 3.1).
#pragma once

#include "basic/slice.h"

// An <id> is [a-zA-Z_][a-zA-Z0-9_]*.
bool id_is_valid(struct slice name);
// A <version> is [0-9]+\.[0-9]+\.[0-9]+.
bool version_is_valid(struct slice version);
