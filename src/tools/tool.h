// SPDX-License-Identifier: Apache-2.0
// The functions that all command line tools share: failing, the timeout, printing, common options.
// Messages go to standard error as "PROGRAM: TEXT"; a failure ends the program with status 1.
#pragma once

#include "basic/failure.h"
#include "model/schema.h"

#include <stdnoreturn.h>

// Call it first in main(): initializes the log, and sets the program name to the last component of
// argv[0].
void tool_init(char **argv);
const char *tool_name(void);

noreturn void tool_fail(const char *format, ...) PRINTF_FORMAT(1, 2);
// The same with ": " and the text of `errno_value` in parentheses at the end.
noreturn void tool_fail_errno(int errno_value, const char *format, ...) PRINTF_FORMAT(2, 3);
// "PROGRAM: TEXT: JSON", the validated `json` in canonical form.
noreturn void tool_fail_json(struct slice json, const char *format, ...) PRINTF_FORMAT(2, 3);
// Fails with the text of `failure`.
noreturn void tool_fail_failure(struct failure *failure);
// Fails with the text of `error`.
noreturn void tool_fail_error(struct ovsdb_error *error);
// Fails with the text of `error` unless it is NULL.
void tool_check(struct ovsdb_error *error);

// Starts the timeout: when it expires, the process prints a message and is ended by SIGALRM.
// `seconds` is the value of the option `options` (its spelling, for messages): a whole number of at
// least 1.
void tool_set_timeout(const char *seconds, const char *options);
// Starts the timeout of OVS_CTL_TIMEOUT, unless one runs. An invalid value means no timeout.
void tool_set_default_timeout(void);
// Continues the timeout in a forked child, which does not inherit the alarm.
void tool_rearm_timeout(void);
// Makes this process print the message, which otherwise only its parent does.
void tool_own_timeout(void);

// Writes to standard output and flushes; a failure ends the program. On a terminal control
// characters are escaped, except line feeds and tabs: the text comes from databases and servers.
void tool_print(struct slice text);
// The same with a line feed at the end.
void tool_print_line(struct slice text);
// Appends `text` with its control characters (C0, DEL and C1) escaped as JSON escapes them; line
// feeds and tabs only if `is_line`.
void tool_put_escaped(struct buf *buf, struct slice text, bool is_line);
// Call it last in main(): ends the program with an error if standard output could not be written.
void tool_finish(void);
// Prints `json`, validated text, compact or pretty, with a line feed at the end.
void tool_print_json(struct slice json, bool pretty);
// A command line argument that must be a JSON array or object; ends the program if it is neither.
// Points into `text`.
struct slice tool_parse_json(const char *text);
// What --version prints.
void tool_print_version(void);

struct option;
struct service_options;

// Handles the options that all tools have: -o, -V, and those of the log and service. Ends the
// program with a message if `c`, a result of getopt_long(), is none of these or its argument is
// wrong.
void tool_handle_option(struct service_options *service, int c, const struct option *options);
// Applies the options of the log and service, after all options have been handled.
void tool_apply_options(struct service_options *service);
// Builds "abc:d::" from a table of long options: the short options are those whose `val` is a
// printable character. Caller frees.
char *tool_short_options(const struct option *options);
