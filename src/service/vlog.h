// SPDX-License-Identifier: Apache-2.0
// The back end of the log: its destinations, and their control by the options -v, --log-file,
// --syslog-method and --syslog-target and the commands vlog/*. basic/log.h is the front end.
//
// The destinations are console (standard error), syslog and file. Each has a pattern, and a level
// for each module. If standard error is connected to the journal, a record goes to the journal
// once, with its fields, instead of to console and syslog.
#pragma once

#include "basic/buf.h"
#include "basic/failure.h"
#include "basic/log.h"

#include <sys/types.h>

// Becomes the sink of the log. `program` (must stay valid) is the value of %A and gives the log
// file its default name. Call it first in main(). The default levels are WARN for the console, INFO
// for syslog and file.
void vlog_init(const char *program);
void vlog_done(void); // closes everything; later messages go to standard error

// Applies an argument of -v or vlog/set: levels ("jsonrpc:file:dbg", "off"; "" sets all to DBG),
// "PATTERN:destination:pattern" or "FACILITY:facility".
struct failure *vlog_set(const char *spec);
// Calls `visit` with arguments of vlog_set() that together restore the present levels, patterns and
// facility.
void vlog_visit_specs(void (*visit)(void *userdata, const char *spec), void *userdata);
// Opens the log file (NULL: LOGDIR/PROGRAM.log), to which records are appended from now on. Returns
// 0 or negative errno; after an error vlog_reopen() tries again. *ret_path is the name of the file
// (caller frees; ret_path may be NULL).
int vlog_set_file(const char *path, char **ret_path);
// Opens the log file again. Returns 0, also without a log file, or negative errno; then the file
// that is open stays in use.
int vlog_reopen(void);
// Returns the errno of the latest attempt to open the log file; 0: it succeeded.
int vlog_file_error(void);
// Changes the owner of the log file. Returns 0, also without a log file, or negative errno.
int vlog_give_file(uid_t uid, gid_t gid);
void vlog_close(void); // closes the log file, until vlog_reopen()
// Set the syslog method, whose default is $OVS_SYSLOG_METHOD or "libc", and the additional target
// "IP:PORT".
struct failure *vlog_set_syslog_method(const char *method);
struct failure *vlog_set_syslog_target(const char *host_port);
// Returns true if standard error is connected to the journal.
bool vlog_is_journal(void);
// Sets the value of %t and %T (static): "monitor"; NULL in the main process.
void vlog_set_subprogram(const char *name);
// Stops writing to the console, because standard error is about to be closed.
void vlog_leave_console(void);

// Return the levels of a module by destination; the pattern of a destination; the pattern of what
// precedes messages to syslog. Borrowed.
const enum log_level *vlog_levels(const struct log_module *module);
const char *vlog_pattern(enum log_destination destination);
const char *vlog_syslog_prefix(void);
