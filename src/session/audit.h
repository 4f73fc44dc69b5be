// SPDX-License-Identifier: Apache-2.0
// The audit: a log message for each commit that changes an audited table, with the client, the rows
// and the transaction's comment. Off by default. Rules contain names, so they also apply to
// databases and tables that are added later.
#pragma once

#include "engine/changeset.h"

struct server;

// Turns the audit on or off for `table`. NULL: for all tables of `db`; this replaces the rules of
// single tables. O(rules).
void audit_set(struct server *server, const char *db, const char *table, bool on);
// Replaces all rules by a list "DB,DB:TABLE,..." of what is audited.
void audit_configure(struct server *server, const char *list);
// Calls visit() for each rule, in an order in which calls of audit_set() restore the rules. `table`
// may be NULL.
void audit_visit(const struct server *server,
                 void (*visit)(void *userdata, const char *db, const char *table, bool on),
                 void *userdata);
bool audit_is_on(const struct server *server, const char *db, const char *table); // O(rules)
