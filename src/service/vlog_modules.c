// SPDX-License-Identifier: Apache-2.0
#include "service/vlog_modules.h"

#include "basic/log.h"

#include <assert.h>

static const struct {
    const char *name;
    const char *ours; // NULL: there is none
} known[] = {
    {"backtrace", NULL},
    {"command_line", NULL},
    {"daemon_unix", "daemon"},
    {"dns_resolve", "net"},
    {"entropy", NULL},
    {"fatal_signal", "daemon"},
    {"hmap", NULL},
    {"jsonrpc", "net"},
    {"lockfile", "store"},
    {"ovs_rcu", NULL},
    {"ovs_replay", NULL},
    {"ovs_thread", NULL},
    {"ovsdb", NULL},
    {"ovsdb_cs", "replication"},
    {"ovsdb_error", NULL},
    {"ovsdb_file", "store"},
    {"ovsdb_idl", NULL},
    {"ovsdb_jsonrpc_server", "session"},
    {"ovsdb_log", "store"},
    {"ovsdb_monitor", "session"},
    {"ovsdb_rbac", "session"},
    {"ovsdb_util", NULL},
    {"poll_loop", "coverage"},
    {"process", NULL},
    {"raft", "cluster"},
    {"raft_rpc", "cluster"},
    {"reconnect", "net"},
    {"relay", "replication"},
    {"sha1", NULL},
    {"signals", "daemon"},
    {"socket_util", "net"},
    {"socket_util_unix", "net"},
    {"storage", "store"},
    {"stream", "net"},
    {"stream_fd", "net"},
    {"stream_replay", NULL},
    {"stream_ssl", "tls"},
    {"stream_tcp", "net"},
    {"stream_unix", "net"},
    {"svec", NULL},
    {"timeval", "coverage"},
    {"transaction_forward", NULL},
    {"trigger", "session"},
    {"util", NULL},
    {"uuid", NULL},
};

void vlog_modules_register(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct log_module *module = log_module_get(known[i].name);

        module->same = known[i].ours ? log_module_get(known[i].ours) : NULL;
        assert(!module->same || !module->same->same); // it is a module of ours, not another alias
    }
}
