// SPDX-License-Identifier: Apache-2.0
// Native records for the systemd journal.
#pragma once

#include "basic/log.h"

// True if standard error is connected to the journal: JOURNAL_STREAM names its device and inode.
bool journal_is_stderr(void);
// Sends `record` with MESSAGE, PRIORITY, MESSAGE_ID, OVSDB_MODULE and the record's own fields.
// 0 or negative errno.
int journal_send(const struct log_record *record, const char *program);
