// SPDX-License-Identifier: Apache-2.0
// A snapshot travels as WIRE_SNAPSHOT and its contents in parts:
//
//     snapshot_cutter --> wire_part, wire_part, ... --> snapshot_assembly
//
// The sender makes a part when the connection has little to send, so that neither memory nor the
// messages behind a part wait for the whole contents. The receiver checks each part when it
// arrives, the JSON syntax included, so that the work for one is bounded.
#pragma once

#include "cluster/wire.h"
#include "json/framer.h"

#define SNAPSHOT_PART_SIZE    ((size_t)256 << 10)
#define SNAPSHOT_BACKLOG_SIZE ((size_t)1 << 20)

struct snapshot_cutter {
    uint64_t index;
    struct slice contents; // borrowed
    size_t offset;         // of the next part
};

// `contents` is valid UTF-8 and must exist as long as the cutter is used.
void snapshot_cutter_init(struct snapshot_cutter *cutter, uint64_t index, struct slice contents);
// Stores the next part, which points into the contents. False: there is none, or not now, because
// more than SNAPSHOT_BACKLOG_SIZE bytes (`backlog`) wait to be sent. Does not advance.
bool snapshot_cutter_next(const struct snapshot_cutter *cutter, size_t backlog,
                          struct wire_part *ret);
// The part of snapshot_cutter_next() has been sent.
void snapshot_cutter_advance(struct snapshot_cutter *cutter, const struct wire_part *part);
bool snapshot_cutter_is_done(const struct snapshot_cutter *cutter);

struct snapshot_assembly {
    uint64_t index; // 0: no snapshot has begun
    uint64_t size;
    struct buf contents; // what has arrived
    struct framer framer;
};

enum snapshot_progress {
    SNAPSHOT_IGNORED,  // the part is not of this snapshot
    SNAPSHOT_MORE,     // further parts are to come
    SNAPSHOT_COMPLETE, // the contents are complete and have passed entry_data_decode()
};

// Begins with a snapshot; what has arrived of an earlier one is freed.
void snapshot_assembly_begin(struct snapshot_assembly *assembly,
                             const struct wire_snapshot *snapshot);
// Adds a part. An error is a part that does not follow the last one or exceeds the size, and
// contents that are no JSON or not in the form of "prev_data"; then the assembly has no snapshot
// any more. O(size of the part), for the last one O(size of the snapshot).
struct ovsdb_error *snapshot_assembly_add(struct snapshot_assembly *assembly,
                                          const struct wire_part *part,
                                          enum snapshot_progress *ret);
// Frees the contents; the assembly has no snapshot. A zeroed struct is allowed.
void snapshot_assembly_done(struct snapshot_assembly *assembly);
