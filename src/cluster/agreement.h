// SPDX-License-Identifier: Apache-2.0
// Compares the logs of the members of a cluster with each other. Members may lag behind, and
// entries that are not committed may differ between terms. Everything else must agree.
#pragma once

#include "cluster/member_log.h"

struct agreement_member {
    const char *path; // for messages
    const struct member_log *log;
};

// Returns an error for the first contradiction: files of different databases or clusters, or twice
// of one server; two leaders of one term; entries of the same index and term, or committed entries
// of the same index, that differ; a leader without an entry that was committed in an earlier term.
// All logs are those of members (asserted). O(members² * entries).
struct ovsdb_error *agreement_check(const struct agreement_member *members, size_t n);
