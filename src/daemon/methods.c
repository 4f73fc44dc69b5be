// SPDX-License-Identifier: Apache-2.0
#include "daemon/methods.h"

static const struct command_field status_fields[] = {
    {"role"},
    {"databases", FIELD_STRINGS},
    {"remotes", FIELD_INTEGER},
    {"clients", FIELD_INTEGER},
    {"monitors", FIELD_INTEGER},
    {"waiting", FIELD_INTEGER},
    {"locks", FIELD_INTEGER},
    {"transactions", FIELD_INTEGER},
    {"failure", FIELD_STRING, true},
    {NULL},
};

static const struct command_field sync_fields[] = {
    {"database", FIELD_STRING, true},
    {"state"},
    {"connecting", FIELD_STRING, true},
    {"replicating", FIELD_STRING, true},
    {"error", FIELD_STRING, true},
    {"exclude", FIELD_STRINGS, true},
    {NULL},
};

static const struct command_field duration_fields[] = {
    {"what"},
    {"times", FIELD_INTEGER},
    {"total_ms", FIELD_INTEGER},
    {"average_us", FIELD_INTEGER},
    {"longest_us", FIELD_INTEGER},
    {NULL},
};

static const struct command_field limit_fields[] = {
    {"limit"}, {"allowed", FIELD_INTEGER}, {"taken", FIELD_INTEGER}, {"beyond", FIELD_INTEGER},
    {NULL},
};

static const struct command_field level_fields[] = {
    {"module"}, {"console"}, {"syslog"}, {"file"}, {NULL},
};

static const struct {
    const char *command;
    struct command_type type;
} methods[] = {
    {"exit", {"Exit", {{NULL}}, REPLY_NOTHING, NULL}},
    {"version", {"GetVersion", {{NULL}}, REPLY_TEXT, "version"}},
    {"ovsdb/file/column-diff-enable", {"EnableColumnDiff", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb/file/no-data-conversion-enable",
     {"EnableNoDataConversion", {{NULL}}, REPLY_NOTHING, NULL}},
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
    {"ovsdb-server/sync-status",
     {"GetSyncStatus", {{NULL}}, REPLY_BLOCKS, "databases", sync_fields}},
    {"ovsdb-server/set-active-ovsdb-server",
     {"SetActiveServer", {{"server", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/get-active-ovsdb-server", {"GetActiveServer", {{NULL}}, REPLY_TEXT, "server"}},
    {"ovsdb-server/set-active-ovsdb-server-probe-interval",
     {"SetActiveServerProbeInterval", {{"milliseconds", ARG_INTEGER}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/connect-active-ovsdb-server",
     {"ConnectActiveServer", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/disconnect-active-ovsdb-server",
     {"DisconnectActiveServer", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/set-sync-exclude-tables",
     {"SetSyncExcludeTables", {{"tables", ARG_STRING}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/get-sync-exclude-tables",
     {"GetSyncExcludeTables", {{NULL}}, REPLY_TEXT, "tables"}},
    {"ovsdb-server/limits", {"GetLimits", {{NULL}}, REPLY_ROWS, "limits", limit_fields}},
    {"ovsdb-server/status", {"GetStatus", {{NULL}}, REPLY_RECORD, NULL, status_fields}},
    {"ovsdb-server/perf-counters-show",
     {"GetDurations", {{NULL}}, REPLY_ROWS, "durations", duration_fields}},
    {"ovsdb-server/perf-counters-clear", {"ClearDurations", {{NULL}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/tlog-set",
     {"SetAudit", {{"target", ARG_STRING}, {"enabled", ARG_ON_OFF}}, REPLY_NOTHING, NULL}},
    {"ovsdb-server/tlog-list", {"GetAudit", {{NULL}}, REPLY_TEXT, "audit"}},
    {"coverage/show", {"GetCounters", {{NULL}}, REPLY_TEXT, "counters"}},
    {"coverage/read-counter", {"ReadCounter", {{"counter", ARG_STRING}}, REPLY_INTEGER, "value"}},
    {"metrics", {"GetMetrics", {{NULL}}, REPLY_TEXT, "metrics"}},
    {"vlog/set", {"SetLogLevels", {{"specs", ARG_STRINGS}}, REPLY_NOTHING, NULL}},
    {"vlog/list", {"GetLogLevels", {{NULL}}, REPLY_ROWS, "levels", level_fields}},
    {"vlog/list-pattern", {"GetLogPatterns", {{NULL}}, REPLY_TEXT, "patterns"}},
    {"vlog/reopen", {"ReopenLog", {{NULL}}, REPLY_NOTHING, NULL}},
    {"vlog/message", {"LogMessage", {{"message", ARG_STRING}}, REPLY_NOTHING, NULL}},
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
