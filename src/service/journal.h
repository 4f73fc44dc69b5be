// SPDX-License-Identifier: Apache-2.0
// Sends log records to the systemd journal, with fields.
#pragma once

#include "basic/log.h"

// True if standard error is connected to the journal: JOURNAL_STREAM names its device and inode.
bool journal_is_stderr(void);
// Sends `record` with MESSAGE, PRIORITY, SYSLOG_IDENTIFIER (`program`), MESSAGE_ID, OVSDB_MODULE
// and the record's own fields. Returns 0 or negative errno.
int journal_send(const struct log_record *record, const char *program);
