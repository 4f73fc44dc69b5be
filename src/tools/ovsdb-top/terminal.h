// SPDX-License-Identifier: Apache-2.0
// The terminal of ovsdb-top: raw keys, the size of the window, and drawing with ANSI escape codes.
// It does not use the alternate screen, so messages printed at the end of the program stay visible.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"

// Keys that are not characters.
enum terminal_key {
    KEY_NONE = 0x100, // the deadline has passed, or the window was resized
    KEY_LEFT,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_CLOSED, // the terminal was closed
};

// Switches standard input to unbuffered keys without echo, and hides the cursor. The former state
// is restored at exit(), by signals that end the program, and while the program is stopped. Ctrl-C
// and Ctrl-Z still send signals. Returns 0 or negative errno.
int terminal_start(void);
void terminal_size(size_t *ret_rows, size_t *ret_columns);
// Waits for a key until `deadline` (monotonic time). Returns a character or an enum terminal_key.
int terminal_read_key(usec_t deadline);
// Replaces the content of the window by the lines of `text`, which must have fewer lines than the
// window has rows, and no line wider than the window. The cursor ends below them. The first
// `n_bold` lines are bold, and the line number `inverse` (from 0) is in reverse video.
void terminal_draw(struct slice text, size_t n_bold, size_t inverse);
