// SPDX-License-Identifier: Apache-2.0
// The folders of the system. Each has a default that is set when the program is built; an
// environment variable that is set and not empty overrides it.
#pragma once

// The strings are valid until the process ends, or until the environment changes.
const char *dirs_run(void);     // OVS_RUNDIR: sockets, pid files
const char *dirs_log(void);     // OVS_LOGDIR
const char *dirs_db(void);      // OVS_DBDIR, else OVS_SYSCONFDIR/openvswitch: databases
const char *dirs_sysconf(void); // OVS_SYSCONFDIR
const char *dirs_pkgdata(void); // OVS_PKGDATADIR: packaged schemas

// Returns a copy of `name` if it is an absolute path, else `dir`/`name`. The caller frees it.
char *dirs_path(const char *dir, const char *name);
