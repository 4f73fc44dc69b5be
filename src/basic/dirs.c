// SPDX-License-Identifier: Apache-2.0
#include "basic/dirs.h"

#include "basic/alloc.h"
#include "config.h"

#include <stdlib.h>

static const char *dir_from_environment(const char *variable, const char *fallback)
{
    const char *value = getenv(variable);

    return value && value[0] ? value : fallback;
}

const char *dirs_run(void)
{
    return dir_from_environment("OVS_RUNDIR", DEFAULT_RUNDIR);
}

const char *dirs_log(void)
{
    return dir_from_environment("OVS_LOGDIR", DEFAULT_LOGDIR);
}

const char *dirs_db(void)
{
    static char *derived;
    const char *sysconf = getenv("OVS_SYSCONFDIR");

    if (!derived && sysconf && sysconf[0]) {
        derived = xasprintf("%s/openvswitch", sysconf);
    }
    return dir_from_environment("OVS_DBDIR", derived ? derived : DEFAULT_DBDIR);
}

const char *dirs_sysconf(void)
{
    return dir_from_environment("OVS_SYSCONFDIR", DEFAULT_SYSCONFDIR);
}

const char *dirs_pkgdata(void)
{
    return dir_from_environment("OVS_PKGDATADIR", DEFAULT_PKGDATADIR);
}

char *dirs_path(const char *dir, const char *name)
{
    return name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
}
