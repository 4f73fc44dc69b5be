// SPDX-License-Identifier: Apache-2.0
// Bytes and descriptors as one descriptor, for another process: however many there are, whoever
// passes it on has one to keep. It can be opened once.
#pragma once

#include "basic/buf.h"

#define STATE_HANDOVER_MAX_FDS 40000

// The bytes are those of the `n_parts` parts, one after another. The descriptors stay the caller's.
// 0 and *ret_fd, which the caller closes; or negative errno.
int state_handover_pack(const struct slice *parts, size_t n_parts, const int *fds, size_t n,
                        int *ret_fd);
// Appends the bytes to *bytes. 0, or negative errno: -ENODATA if it has been opened before or is no
// state handover. The caller frees *ret_fds and closes what is in it: close-on-exec is set. `fd` stays the
// caller's.
int state_handover_open(int fd, struct buf *bytes, int **ret_fds, size_t *ret_n);
