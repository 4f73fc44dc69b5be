// SPDX-License-Identifier: Apache-2.0
// Transactions that are longer than the server's limit of a message.
#pragma once

#include "tools/ovsdb-client/verbs.h"

// The same as client_call_or_fail() with "transact", but long `params` go to the server in pieces
// if it has "stage" and "transact_staged" (session/staging.c).
bool client_transact_long(struct client_context *context, struct slice params, struct buf *reply);
