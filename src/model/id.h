// SPDX-License-Identifier: Apache-2.0
// Names: what <id> and <version> of RFC 7047 3.1 may look like.
#pragma once

#include "basic/slice.h"

// [a-zA-Z_][a-zA-Z0-9_]*
bool id_is_valid(struct slice name);
// [0-9]+.[0-9]+.[0-9]+
bool version_is_valid(struct slice version);
