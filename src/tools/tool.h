// SPDX-License-Identifier: Apache-2.0
// What the command line tools have in common: how they fail, how long they may take, how they
// print. Messages go to standard error as "PROGRAM: TEXT"; a failure exits with status 1.
#pragma once

#include "model/schema.h"

#include <stdnoreturn.h>

// First thing in main(): takes over the log and writes `argv[0]`'s last component in front of
// messages.
void tool_init(char **argv);
const char *tool_name(void);

noreturn void tool_fail(const char *format, ...) PRINTF_FORMAT(1, 2);
// The same with ": " and the text of `errno_value` in parentheses at the end.
noreturn void tool_fail_errno(int errno_value, const char *format, ...) PRINTF_FORMAT(2, 3);
// "PROGRAM: TEXT: JSON", the validated `json` in canonical form.
noreturn void tool_fail_json(struct slice json, const char *format, ...) PRINTF_FORMAT(2, 3);
// Prints and frees `error`.
noreturn void tool_fail_error(struct ovsdb_error *error);
// Returns if `error` is NULL.
void tool_check(struct ovsdb_error *error);

// The process says so and dies of SIGALRM when the time is over. tool_set_timeout() is for the
// option
// (`options` says how it is spelled, for the message): whole seconds, at least 1. Without it
// OVS_CTL_TIMEOUT counts, where anything else than that means no limit. tool_rearm_timeout() goes
// on counting in a forked child, which does not inherit it; tool_own_timeout() has such a child say
// that the time is over, which is otherwise left to its parent.
void tool_set_timeout(const char *seconds, const char *options);
void tool_set_default_timeout(void);
void tool_rearm_timeout(void);
void tool_own_timeout(void);

// Writes to standard output and flushes; a failure ends the program. On a terminal control
// characters are escaped, except line feeds and tabs: the text comes from databases and servers.
void tool_print(struct slice text);
// The same, and a LF.
void tool_print_line(struct slice text);
// Appends `text` with its control characters (C0, DEL and C1) escaped as JSON escapes them; line
// feeds and tabs only if `is_line`.
void tool_put_escaped(struct buf *buf, struct slice text, bool is_line);
// Last thing in main(): nothing printed may have been lost.
void tool_finish(void);
// `json` is validated text: compact or pretty, and a LF.
void tool_print_json(struct slice json, bool pretty);
// A command line argument that must be a JSON array or object; ends the program if it is neither.
// Points into `text`.
struct slice tool_parse_json(const char *text);
// What --version prints.
void tool_print_version(void);
struct option;
// Builds "abc:d::" from a table of long options: the short options are those whose `val` is a
// printable character. Caller frees.
char *tool_short_options(const struct option *options);
