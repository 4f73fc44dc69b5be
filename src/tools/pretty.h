// SPDX-License-Identifier: Apache-2.0
// JSON as the tools print it: compact, or with the indentation of other OVSDB tools.
#pragma once

#include "basic/buf.h"

// Appends validated JSON text in canonical form (emit_canonical()), no LF at the end.
// `pretty`: each member and element is on its own line, indented by two blanks a level; a closing
// bracket follows the last element on the same line. O(n log n).
void pretty_put(struct buf *buf, struct slice json, bool pretty);
