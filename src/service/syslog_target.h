// SPDX-License-Identifier: Apache-2.0
// The ways to the system log: libc's syslog(), a Unix datagram socket, UDP, or none.
#pragma once

#include "basic/slice.h"

struct syslog_target;

// `method`: "libc", "null", "unix:FILE" or "udp:IP:PORT". NULL with the reason in *ret_error
// (caller frees) when it is none of these. A socket that cannot be reached now is tried again at
// each message.
struct syslog_target *syslog_target_new(const char *method, const char *program, char **ret_error);
void syslog_target_free(struct syslog_target *target);
// What a line to it begins with (a pattern): what libc adds by itself, and the socket methods do
// not.
const char *syslog_target_prefix(const struct syslog_target *target);
// Sends one line; what cannot be sent at once is lost. `priority` is that of <syslog.h>, with
// facility.
void syslog_target_send(struct syslog_target *target, int priority, struct slice line);
// "kern" ... "local7" in any case -> the facility of <syslog.h>; -1 for any other word.
int syslog_facility_parse(const char *name);
// The name of a facility that syslog_facility_parse() has returned.
const char *syslog_facility_name(int facility);
