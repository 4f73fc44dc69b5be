// SPDX-License-Identifier: Apache-2.0
// The progress of long work as a bar on standard error, with rate and remaining time; or the
// elapsed time where progress cannot be measured. Nothing is printed if standard error is not a
// terminal. Escape sequences are not used.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "basic/progress.h"

// The argument for functions that report progress; its steps draw the bar. Static.
const struct progress *progress_bar(void);
// Disables the bar (--no-progress).
void progress_bar_disable(void);
// Erases the bar before other text is printed. The next step draws it again.
void progress_bar_clear(void);

// From now on SIGINT, SIGTERM and SIGHUP cancel the work instead of ending the process: the next
// step fails with -EINTR, and the work removes its temporary files. A second signal ends the
// process at once.
void progress_bar_catch_signals(void);
// Ends the process by the signal if one has canceled the work. Call it after the work has failed.
void progress_bar_end_if_interrupted(void);

struct progress_state {
    const char *what; // as for progress_step()
    uint64_t done;
    uint64_t total;
    uint64_t first; // `done` when the measurement began
    usec_t elapsed; // since the measurement began
};

// Appends the bar's text, at most `width` columns, without CR and LF.
void progress_bar_put(struct buf *buf, const struct progress_state *state, size_t width);
