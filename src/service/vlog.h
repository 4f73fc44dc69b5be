// SPDX-License-Identifier: Apache-2.0
// Where the log goes, and how it is steered: the options -v, --log-file, --syslog-method and
// --syslog-target, and the commands vlog/*. basic/log.h is the front end.
//
// Destinations: console (standard error), syslog, file; each with its levels and its pattern. When
// standard error is the journal, console and syslog are one: a native journal record with fields.
#pragma once

#include "basic/buf.h"
#include "basic/log.h"

#include <sys/types.h>

// Takes over the log. `program` (kept) is what %A says and the log file is called after. First
// thing in main(); the defaults: console WARN, syslog INFO, file INFO.
void vlog_init(const char *program);
void vlog_done(void); // closes everything; later messages go to standard error

// One -v or vlog/set argument: levels ("jsonrpc:file:dbg", "off", "" for all to DBG),
// "PATTERN:destination:pattern" or "FACILITY:facility". NULL, or what is wrong (caller frees).
char *vlog_set(const char *spec);
// Calls `visit` with specs of vlog_set() that together make the levels, patterns and facility what
// they are now.
void vlog_visit_specs(void (*visit)(void *userdata, const char *spec), void *userdata);
// Opens the log file (NULL: LOGDIR/PROGRAM.log) and appends to it from now on. 0 or negative errno:
// then vlog_reopen() tries again. *ret_path (may be NULL; caller frees) is the name tried.
int vlog_set_file(const char *path, char **ret_path);
// 0 too when no log file was asked for. On failure the one that is open stays in use.
int vlog_reopen(void);
// Why the log file could not be opened when that was tried last, an errno value; 0: it could.
int vlog_file_error(void);
// The log file is `uid`'s and `gid`'s from now on. 0 too when there is none.
int vlog_give_file(uid_t uid, gid_t gid);
void vlog_close(void); // until vlog_reopen()
// NULL, or what is wrong (caller frees). The default method is OVS_SYSLOG_METHOD or "libc".
char *vlog_set_syslog_method(const char *method);
char *vlog_set_syslog_target(const char *host_port);
// True if standard error is the journal.
bool vlog_is_journal(void);
// The process's role for %t and %T: "monitor"; NULL for the main one. Static.
void vlog_set_subprogram(const char *name);
// Nothing goes to the console any more: standard error is about to be closed.
void vlog_leave_console(void);

// The levels of a module by destination; the pattern of a destination; what precedes messages to
// syslog. Borrowed.
const enum log_level *vlog_levels(const struct log_module *module);
const char *vlog_pattern(enum log_destination destination);
const char *vlog_syslog_prefix(void);
