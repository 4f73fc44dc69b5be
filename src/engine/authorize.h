// SPDX-License-Identifier: Apache-2.0
// Role-based access control (protocol extensions 4.1.3): may the client of this request change
// these rows in this way? For this layer only.
#pragma once

#include "engine/mutation.h"
#include "engine/run.h"

// What an operation is about to do to the rows in run->query, or to `inserted`.
struct attempt {
    const struct operation *operation;
    const struct row *inserted; // OP_INSERT: the new row
    // OP_UPDATE: the columns it names, and their new values.
    const struct column *const *columns;
    const union datum *values;
    size_t n_columns;
    const struct mutations *mutations; // OP_MUTATE
};

// NULL if the request has no role or the database no table RBAC_Role, at no cost; or if the role's
// rules, as they were committed last, allow all of it. Else a "permission error", of which
// request->denied() has been told. O(roles + rows x (authorization + columns x permitted columns)).
struct ovsdb_error *authorize(struct run *run, const struct attempt *attempt);
