// SPDX-License-Identifier: Apache-2.0
// How the tools print JSON: compact, or indented the way OVSDB's tools always did.
#pragma once

#include "basic/buf.h"

// Appends validated JSON text in canonical form (emit_canonical()), no LF at the end.
// `pretty`: each member and element on its own line, two blanks a level, closing brackets stay on
// the last line of what they close. O(n log n).
void pretty_put(struct buf *buf, struct slice json, bool pretty);
