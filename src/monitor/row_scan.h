// SPDX-License-Identifier: Apache-2.0
// One look at the rows of some tables, for all initial contents that are asked for at about the
// same time, each with a condition of its own: the rows are collected once, and the text of a row
// is made once for all that show the same columns of it. Private to this folder.
#pragma once

#include "engine/snapshot.h"
#include "monitor/updates.h"

struct row_scan;
struct row_texts;

// Of `db` as it is now. Takes `tables`, which says by table index which to look at. One reference,
// the caller's.
struct row_scan *row_scan_new(struct db *db, bool *tables);
struct row_scan *row_scan_ref(struct row_scan *scan);
void row_scan_unref(struct row_scan *scan); // NULL allowed
// True if it looks at all these tables, at a moment of after `seq` or right then.
bool row_scan_serves(const struct row_scan *scan, const bool *tables, uint64_t seq);
// The change set whose state it shows. Borrowed.
struct changeset *row_scan_moment(const struct row_scan *scan);
// Looks at about `n` more rows. False when all are collected.
bool row_scan_collect(struct row_scan *scan, size_t n);
// All rows of a table, in no order.
struct row *const *row_scan_rows(const struct row_scan *scan, size_t table, size_t *ret_n);
// The texts of these rows as the initial contents of such a monitor show them. Borrowed.
struct row_texts *row_scan_texts(struct row_scan *scan, const struct monitor_spec *spec,
                                 const struct monitor_table *table);
// What updates_put_initial() writes of row number `i`, made now if nobody asked for it before.
// Valid until the next call. Without data when so much text is kept that no more can be.
struct slice row_texts_get(struct row_texts *texts, size_t i, const struct monitor_table *table);
