// SPDX-License-Identifier: Apache-2.0
// Role-based access control (protocol extensions 4.1.3): decides whether the client of a request
// may make a change. For this layer only.
#pragma once

#include "engine/mutation.h"
#include "engine/run.h"

// The change that an operation is about to make to the rows in run->query, or to `inserted`.
struct attempt {
    const struct operation *operation;
    const struct row *inserted; // OP_INSERT: the new row
    // OP_UPDATE: the columns of the operation and their new values.
    const struct column *const *columns;
    const union datum *values;
    size_t n_columns;
    const struct mutations *mutations; // OP_MUTATE
};

// Returns NULL if the committed rules of the role allow the whole change; also, in O(1), if the
// request has no role or the database has no table RBAC_Role. Else calls request->denied() and
// returns a "permission error". O(roles + rows x (authorization + columns x permitted columns)).
struct ovsdb_error *authorize(struct run *run, const struct attempt *attempt);
