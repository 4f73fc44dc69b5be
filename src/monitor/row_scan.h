// SPDX-License-Identifier: Apache-2.0
// A scan of the rows of some tables. Initial contents that are requested at about the same time
// share one scan, even if their conditions differ: the rows are collected once, and the text of a
// row is written once for all contents that show the same columns. Private to this folder.
#pragma once

#include "engine/snapshot.h"
#include "monitor/updates.h"

struct row_scan;
struct row_texts;

// Scans `db` as it is now. `tables` says by table index which tables to scan; the scan takes it.
// Returns a reference.
struct row_scan *row_scan_new(struct db *db, bool *tables);
struct row_scan *row_scan_ref(struct row_scan *scan);
void row_scan_unref(struct row_scan *scan); // NULL allowed
// True if the scan has all of `tables`, and its moment is not before the commit `seq`.
bool row_scan_serves(const struct row_scan *scan, const bool *tables, uint64_t seq);
// The last change set that the rows include. Borrowed.
struct changeset *row_scan_moment(const struct row_scan *scan);
// Collects about `n` more rows. Returns false when all are collected.
bool row_scan_collect(struct row_scan *scan, size_t n);
// All rows of a table, in no order, when they are collected. Borrowed.
struct row *const *row_scan_rows(const struct row_scan *scan, size_t table, size_t *ret_n);
// The texts of these rows in the initial contents of a monitor with this spec. Borrowed.
struct row_texts *row_scan_texts(struct row_scan *scan, const struct monitor_spec *spec,
                                 const struct monitor_table *table);
// The text that updates_put_initial() writes for row number `i`; it is kept. Valid until the next
// call. SLICE_EMPTY if the kept texts have reached their limit and this one is not among them.
struct slice row_texts_get(struct row_texts *texts, size_t i, const struct monitor_table *table);
