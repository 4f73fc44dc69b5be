// SPDX-License-Identifier: Apache-2.0
// Memory that nobody uses any more, of databases that were converted or removed, of change sets
// that nobody has to see, of long texts: given back little by little, because a large database
// takes seconds.
#pragma once

#include "engine/db.h"
#include "store/gate.h"

struct discard;

// `gate` tells when its helper thread is through.
struct discard *discard_new(struct gate *gate);
// At the end of the process, which frees what is left: a restart waits for it.
void discard_leave(struct discard *discard);
void discard_db(struct discard *discard, struct db *db); // takes it
// Frees a little. True: call again soon.
bool discard_run(struct discard *discard);
