// SPDX-License-Identifier: Apache-2.0
// Random transactions on a database of fixture_new(). They depend on srandom() only.
#pragma once

#include "engine/db.h"

int random_below(int n);
// Runs one to four operations, which may fail. Returns true if they have changed something.
bool random_transaction(struct db *db);
