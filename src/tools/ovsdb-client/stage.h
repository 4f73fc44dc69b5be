// SPDX-License-Identifier: Apache-2.0
// Transactions that may be longer than the server's limit for a message.
#pragma once

#include "tools/ovsdb-client/verbs.h"

// The same as client_call_or_fail() with "transact", but sends long `params` in pieces if the
// server supports "stage" and "transact_staged" (session/staging.c).
bool client_transact_long(struct client_context *context, struct slice params, struct buf *reply);
