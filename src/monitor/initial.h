// SPDX-License-Identifier: Apache-2.0
// The making of initial contents, little by little: commits and other clients' requests go on
// meanwhile. Private to this folder.
//
//     asked --begun: the moment is fixed--> collecting --rows known--> writing --text made-->
//     sending
//
// The contents show the database at the moment they were begun. Until then, and afterwards as long
// as no commit concerns the view, whoever asks for the same joins. Monitors that wait are in no
// batch; as they get their contents they join the one that stands at the moment.
#pragma once

#include "monitor/monitor.h"
#include "monitor/view.h"

struct initial;

// The monitor no longer waits for them. Frees the contents if nobody does.
void initial_remove(struct monitor *monitor);
// True once the moment is fixed.
bool initial_has_begun(const struct initial *initial);
// Goes on for a while with the first of hub->asked: some thousand rows looked at, or some hundred
// KiB of text written.
void initials_run(struct hub *hub, usec_t now);
