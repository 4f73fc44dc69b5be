// SPDX-License-Identifier: Apache-2.0
// A text that survives a crash of the process that writes it. It is in a memory file whose
// descriptor another process holds too: the monitor of --monitor, or the service manager.
#pragma once

#include "basic/buf.h"

#define CRASH_STATE_MAX ((size_t)16 << 20) // bytes

// Makes a file without a text. Returns a descriptor (close-on-exec) or negative errno.
int crash_state_new(void);
// Replaces the text atomically: if the process ends during the call, the previous text remains.
// Returns 0 or negative errno; -EFBIG: the text is longer than CRASH_STATE_MAX.
int crash_state_write(int fd, struct slice text);
// Appends the text to *text. Returns 0 or negative errno; -ENODATA: there is no text, or `fd` is
// another kind of file.
int crash_state_read(int fd, struct buf *text);
