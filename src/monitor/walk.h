// SPDX-License-Identifier: Apache-2.0
// One look at the rows of some tables, for all initial contents that are asked for at about the
// same time, each with a condition of its own: the rows are collected once, and the text of a row
// is made once for all that show the same columns of it. Private to this folder.
#pragma once

#include "engine/snapshot.h"
#include "monitor/updates.h"

struct walk;
struct row_texts;

// Of `db` as it is now. Takes `tables`, which says by table index which to look at. One reference,
// the caller's.
struct walk *walk_new(struct db *db, bool *tables);
struct walk *walk_ref(struct walk *walk);
void walk_unref(struct walk *walk); // NULL allowed
// True if it looks at all these tables, at a moment of after `seq` or right then.
bool walk_serves(const struct walk *walk, const bool *tables, uint64_t seq);
// The change set whose state it shows. Borrowed.
struct changeset *walk_moment(const struct walk *walk);
// Looks at about `n` more rows. False when all are collected.
bool walk_collect(struct walk *walk, size_t n);
// All rows of a table, in no order.
struct row *const *walk_rows(const struct walk *walk, size_t table, size_t *ret_n);
// The texts of these rows as the initial contents of such a monitor show them. Borrowed.
struct row_texts *walk_texts(struct walk *walk, const struct monitor_spec *spec,
                             const struct monitor_table *table);
// What updates_put_initial() writes of row number `i`, made now if nobody asked for it before.
// Valid until the next call. Without data when so much text is kept that no more can be.
struct slice row_texts_get(struct row_texts *texts, size_t i, const struct monitor_table *table);
