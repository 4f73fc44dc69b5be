// SPDX-License-Identifier: Apache-2.0
// Formats a log record as a line, by a pattern with escapes: "%D{%H:%M:%S}|%05N|%c|%p|%m".
//
//     %A       program                          %N  serial number
//     %B       syslog priority                  %n  new line
//     %c       module                           %p  level
//     %d{...}  local time, format of strftime() %P  process id
//     %D{...}  UTC, format of strftime()        %r  milliseconds since the start
//     %E       host name                        %t  subprogram
//     %m       message                          %T  subprogram in parentheses
//     %%       percent sign
//
// Between % and the letter, '-' (left-justified), '0' (padded with zeros) and a minimum width may
// be given. In a time format, each run of # becomes as many digits of the fraction of the second.
#pragma once

#include "basic/buf.h"
#include "basic/log.h"

struct pattern_context {
    const struct log_record *record;
    const char *program;
    const char *subprogram; // "monitor"; NULL in the main process
    usec_t now;             // since the epoch
    usec_t since_start;
    unsigned serial;
    int facility; // as in <syslog.h>: LOG_DAEMON and so on
};

// Appends the expansion of `pattern`. Control characters in the message become blanks, so that a
// record is one line. An unknown escape becomes its letter.
void pattern_expand(struct buf *buf, const char *pattern, const struct pattern_context *context);
// Returns the priority in <syslog.h> (LOG_ERR and so on) that corresponds to a level.
int pattern_priority(enum log_level level);
