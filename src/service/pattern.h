// SPDX-License-Identifier: Apache-2.0
// Turns a log record into a line, as a pattern with %-escapes says: "%D{%H:%M:%S}|%05N|%c|%p|%m".
//
//     %A program   %B syslog priority   %c module      %d{..} local time   %D{..} UTC   %E host
//     name %m message   %N serial number     %n new line    %p level            %P pid %r
//     milliseconds since start       %t subprogram  %T (subprogram)     %% percent sign
//
// Between % and the letter may stand '-' (left justified), '0' (zero padded) and a least width. In
// a time format each run of # becomes as many digits of the second's fraction.
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

// Appends the expansion of `pattern`. Control characters in the message become blanks: one record
// is one line. An unknown escape stands for its letter.
void pattern_expand(struct buf *buf, const char *pattern, const struct pattern_context *context);
// The priority of <syslog.h> (LOG_ERR and so on) that a level has there.
int pattern_priority(enum log_level level);
