// SPDX-License-Identifier: Apache-2.0
// Makes initial contents in steps, so that commits and requests of other clients are handled
// meanwhile. Private to this folder.
//
//     requested --moment fixed--> collecting --rows known--> writing --text written--> sending
//
// The contents show the database at one moment, which the first step fixes. A monitor joins the
// contents of its view if their moment is not fixed yet, or if no commit has concerned the view
// since. Monitors that wait for contents are in no batch. When one gets them, it joins the batch
// that has seen all commits up to the moment.
#pragma once

#include "monitor/monitor.h"

// The monitor no longer waits for its initial contents. Frees them if no other monitor waits.
void initial_remove(struct monitor *monitor);
// Does one bounded step for the first element of hub->initials: looks at some thousand rows, or
// writes some hundred KiB of text.
void initials_run(struct hub *hub, usec_t now);
