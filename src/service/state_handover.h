// SPDX-License-Identifier: Apache-2.0
// Packs bytes and any number of descriptors into one descriptor, to hand over the state of a
// process to the next one. It can be opened once.
#pragma once

#include "basic/buf.h"

#define STATE_HANDOVER_MAX_FDS 40000

// Packs the bytes of the `n_parts` parts, one after another, and `n` descriptors (at most
// STATE_HANDOVER_MAX_FDS, asserted), which stay the caller's. Returns 0 with the descriptor in
// *ret_fd (caller closes), or negative errno.
int state_handover_pack(const struct slice *parts, size_t n_parts, const int *fds, size_t n,
                        int *ret_fd);
// Appends the bytes to *bytes and stores the descriptors (close-on-exec) in *ret_fds. The caller
// closes them and frees the array. `fd` stays the caller's. Returns 0 or negative errno; -ENODATA:
// it has been opened before, or is not a state handover.
int state_handover_open(int fd, struct buf *bytes, int **ret_fds, size_t *ret_n);
