// SPDX-License-Identifier: Apache-2.0
// The positions from which a backup resumes after a reconnection: for each database the id of the last
// applied transaction of the source, and the monitor request under which it was applied. With this id
// the source answers monitor_cond_since with the difference only.
//
// The owner must forget the position of a database that anything but replication has changed.
#pragma once

#include "basic/slice.h"
#include "basic/uuid.h"

#include <stdbool.h>

struct resume;

struct resume *resume_new(void);
void resume_free(struct resume *resume); // NULL allowed
// Transaction `txn_id` has been applied to the database `db`; `request`, which is copied, selects
// the tables and columns. Replaces what was known of `db`.
void resume_set(struct resume *resume, const char *db, struct slice request, struct uuid txn_id);
// True if a transaction is known that was applied under the same request.
bool resume_find(const struct resume *resume, const char *db, struct slice request,
                 struct uuid *ret);
void resume_forget(struct resume *resume, const char *db);
void resume_forget_all(struct resume *resume);
