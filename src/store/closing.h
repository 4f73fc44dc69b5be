// SPDX-License-Identifier: Apache-2.0
// Closing the last descriptor of a file that has no name any more frees its blocks, which takes
// long: a helper thread does it.
#pragma once

#include "store/gate.h"

// Takes `fd`. At the latest gate_free() waits for it.
void close_beside(struct gate *gate, int fd);
