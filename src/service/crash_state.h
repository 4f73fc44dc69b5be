// SPDX-License-Identifier: Apache-2.0
// A text that survives a crash of the process that writes it: it is in a memory file whose
// descriptor another process holds as well, the monitor of --monitor or the service manager.
#pragma once

#include "basic/buf.h"

#define CRASH_STATE_MAX ((size_t)16 << 20) // bytes

// A new one, without a text. A descriptor, close-on-exec, or negative errno.
int crash_state_new(void);
// Replaces the text. A process that ends in the middle leaves the former one. 0 or negative errno;
// -EFBIG: it is longer than CRASH_STATE_MAX.
int crash_state_write(int fd, struct slice text);
// Appends the text to *text. 0 or negative errno: -ENODATA if there is none, or `fd` is something
// else.
int crash_state_read(int fd, struct buf *text);
