// SPDX-License-Identifier: Apache-2.0
// The audit: a log message for each commit that changes what somebody wants to be told of; who did
// it, which rows, and why (the comment). Off at first. Rules are by name, so that they hold for
// databases and tables that come later.
#pragma once

#include "engine/changeset.h"

struct server;

// For all tables of `db` if `table` is NULL, in the place of what was said of any of them before;
// else for that table. O(rules).
void audit_set(struct server *server, const char *db, const char *table, bool on);
// "DB,DB:TABLE,...", in the place of all rules.
void audit_configure(struct server *server, const char *list);
// Calls `visit` for each rule, in an order in which audit_set() makes the same rules again. `table`
// may be NULL.
void audit_visit(const struct server *server,
                 void (*visit)(void *userdata, const char *db, const char *table, bool on),
                 void *userdata);
bool audit_is_on(const struct server *server, const char *db, const char *table); // O(rules)
