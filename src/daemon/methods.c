// SPDX-License-Identifier: Apache-2.0
#include "daemon/methods.h"

static const struct {
    const char *command;
    struct command_type type;
} methods[] = {
    {"exit", {"Exit", {{NULL}}, REPLY_NOTHING, NULL}},
    {"version", {"GetVersion", {{NULL}}, REPLY_TEXT, "version"}},
    {"memory/show", {"GetUsage", {{NULL}}, REPLY_COUNTERS, "usage"}},
    {"ovsdb-server/add-db", {"AddDatabase", {{"file", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/remove-db", {"RemoveDatabase", {{"database", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/list-dbs", {"ListDatabases", {{NULL}}, REPLY_LINES, "databases"}},
    {"ovsdb-server/compact", {"Compact", {{"databases", ARG_STRINGS}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/get-db-storage-status",
     {"GetStorageStatus", {{"database", ARG_STRING}}, REPLY_WORD, "status"}},
    {"ovsdb-server/memory-trim-on-compaction",
     {"SetMemoryTrim", {{"enabled", ARG_ON_OFF}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/add-remote", {"AddRemote", {{"remote", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/remove-remote", {"RemoveRemote", {{"remote", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/list-remotes", {"ListRemotes", {{NULL}}, REPLY_LINES, "remotes"}},
    {"ovsdb-server/reconnect", {"Reconnect", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/reload", {"Reload", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/sync-status", {"GetSyncStatus", {{NULL}}, REPLY_FIELDS, "status"}},
    {"vlog/set", {"SetLogLevels", {{"specs", ARG_STRINGS}}, REPLY_NOTHING, NULL}},
    {"vlog/list", {"GetLogLevels", {{NULL}}, REPLY_TEXT, "levels"}},
    {"vlog/list-pattern", {"GetLogPatterns", {{NULL}}, REPLY_TEXT, "patterns"}},
    {"vlog/reopen", {"ReopenLog", {{NULL}}, REPLY_NOTHING, NULL}},
    {"vlog/close", {"CloseLog", {{NULL}}, REPLY_NOTHING, NULL}},
    {"vlog/enable-rate-limit",
     {"EnableLogRateLimit", {{"modules", ARG_STRINGS}}, REPLY_NOTHING, NULL}},
    {"vlog/disable-rate-limit",
     {"DisableLogRateLimit", {{"modules", ARG_STRINGS}}, REPLY_NOTHING, NULL}},
};

void methods_describe(struct command_registry *registry)
{
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        command_describe(registry, methods[i].command, &methods[i].type);
    }
}
