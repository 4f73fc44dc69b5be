// SPDX-License-Identifier: Apache-2.0
// The JSON-RPC notification around a message of the wire. A file of its own, because both
// json/message.h and cluster/message.h define a struct message.
#pragma once

#include "basic/buf.h"

// Writes {"id":null,"method":"METHOD","params": -- the caller writes the params and a closing
// brace.
void notification_begin(struct buf *buf, const char *method);
// Parses `text`, one valid JSON value (I-1). *ret_params is an array in `text`; *ret_method points
// into `text` or `scratch`. Returns NULL, or why it is no notification (static, or in `scratch`).
const char *notification_parse(struct slice text, struct buf *scratch, struct slice *ret_method,
                               struct slice *ret_params);
