// SPDX-License-Identifier: Apache-2.0
// The progress of long work as a bar on standard error, with rate and remaining time, or the
// elapsed time where no progress can be measured. Only a terminal gets it: where standard error is
// something else, nothing is printed. It needs no escape sequences.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "basic/progress.h"

// To be passed to long work; valid until the program ends. Its steps draw the bar.
const struct progress *progress_bar(void);
// Draws no bar from now on (--no-progress).
void progress_bar_disable(void);
// Erases the bar before other text is printed. The next step draws it again.
void progress_bar_clear(void);

// SIGINT, SIGTERM and SIGHUP end the work at its next step from now on, instead of the process at
// once: the step fails with -EINTR, and the work removes its temporary files. A second signal ends
// the process at once.
void progress_bar_catch_signals(void);
// If such a signal has arrived: ends the process by this signal, for its exit status. For the time
// after the work has failed.
void progress_bar_end_if_interrupted(void);

struct progress_state {
    const char *what; // as for progress_step()
    uint64_t done;
    uint64_t total;
    uint64_t first; // `done` at the beginning of the measurement
    usec_t elapsed; // since then
};

// Appends the bar's text, at most `width` columns, without CR and LF.
void progress_bar_put(struct buf *buf, const struct progress_state *state, size_t width);
