// SPDX-License-Identifier: Apache-2.0
// Sends lines to the system log: by syslog() of the C library, by a Unix datagram socket, by UDP,
// or not at all.
#pragma once

#include "basic/failure.h"
#include "basic/slice.h"

struct syslog_target;

// Makes a target. `method` is "libc", "null", "unix:FILE" or "udp:IP:PORT"; other texts are a
// failure. A socket is connected when it is needed; if that fails, it is tried again for each
// message.
struct failure *syslog_target_new(const char *method, const char *program,
                                  struct syslog_target **ret);
void syslog_target_free(struct syslog_target *target);
// Returns a pattern for the beginning of each line: the priority for the socket methods, "" for
// libc, which adds it by itself.
const char *syslog_target_prefix(const struct syslog_target *target);
// Sends one line. If it cannot be sent at once it is lost. `priority` is the priority and the
// facility as in <syslog.h>.
void syslog_target_send(struct syslog_target *target, int priority, struct slice line);
// Returns the facility, as in <syslog.h>, for "kern" to "local7" in upper or lower case. -1: the
// name is unknown.
int syslog_facility_parse(const char *name);
// Returns the name of a facility that syslog_facility_parse() has returned (asserted).
const char *syslog_facility_name(int facility);
