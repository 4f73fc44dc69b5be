// SPDX-License-Identifier: Apache-2.0
// Selects all rows of tables in one transaction, so that they show one state of the database.
#pragma once

#include "tools/ovsdb-client/verbs.h"

struct selection {
    const struct table_schema *table;
    const struct column **columns;
    size_t n;
};

// Calls `got` for each selection in order with its rows, a JSON array. Ends the program with a
// message if the reply has another form.
void client_select(struct client_context *context, const struct selection *selections, size_t n,
                   void (*got)(struct client_context *context, const struct selection *selection,
                               struct slice rows, void *userdata),
                   void *userdata);
