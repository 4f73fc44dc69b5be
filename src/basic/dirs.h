// SPDX-License-Identifier: Apache-2.0
// Where things live: built-in defaults, each overridden by its environment variable.
#pragma once

// The strings stay valid for the life of the process.
const char *dirs_run(void);     // OVS_RUNDIR: sockets, pid files
const char *dirs_log(void);     // OVS_LOGDIR
const char *dirs_db(void);      // OVS_DBDIR, else OVS_SYSCONFDIR/openvswitch: databases
const char *dirs_sysconf(void); // OVS_SYSCONFDIR
const char *dirs_pkgdata(void); // OVS_PKGDATADIR: packaged schemas

// `name` if it is absolute, else DIR/name. Caller frees.
char *dirs_path(const char *dir, const char *name);
