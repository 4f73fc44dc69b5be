// SPDX-License-Identifier: Apache-2.0
// The verbs of ovsdb-tool, and the context that main.c passes to them.
#pragma once

#include <stdbool.h>

struct tool_context {
    const char *default_db;
    const char *default_schema;
    int more;              // how often -m was given
    const char *rbac_role; // the role with which query and transact run, or NULL
    const char *rbac_id;
    const char *election_timer; // of create-cluster, as written, or NULL
    const char *cid;            // of join-cluster, as written, or NULL
    bool skip_damaged; // recover writes all whole records, not only those before the first damage
};

// The arguments are those after the verb; main() has checked their number.
struct tool_verb {
    const char *name;
    const char *usage;
    int min_args;
    int max_args;
    void (*run)(const struct tool_context *context, int argc, char **argv);
};

void tool_create_cluster(const struct tool_context *context, int argc, char **argv);
void tool_join_cluster(const struct tool_context *context, int argc, char **argv);
void tool_check_cluster(const struct tool_context *context, int argc, char **argv);
void tool_cluster_to_standalone(const struct tool_context *context, int argc, char **argv);
void tool_db_cid(const struct tool_context *context, int argc, char **argv);
void tool_db_sid(const struct tool_context *context, int argc, char **argv);
void tool_db_local_address(const struct tool_context *context, int argc, char **argv);
void tool_create(const struct tool_context *context, int argc, char **argv);
void tool_compact(const struct tool_context *context, int argc, char **argv);
void tool_convert(const struct tool_context *context, int argc, char **argv);
void tool_needs_conversion(const struct tool_context *context, int argc, char **argv);
void tool_query(const struct tool_context *context, int argc, char **argv);
void tool_transact(const struct tool_context *context, int argc, char **argv);
void tool_check_file(const struct tool_context *context, int argc, char **argv);
void tool_recover(const struct tool_context *context, int argc, char **argv);
void tool_show_log(const struct tool_context *context, int argc, char **argv);
void tool_db_name(const struct tool_context *context, int argc, char **argv);
void tool_db_version(const struct tool_context *context, int argc, char **argv);
void tool_db_cksum(const struct tool_context *context, int argc, char **argv);
void tool_db_is_clustered(const struct tool_context *context, int argc, char **argv);
void tool_db_is_standalone(const struct tool_context *context, int argc, char **argv);
void tool_schema_name(const struct tool_context *context, int argc, char **argv);
void tool_schema_version(const struct tool_context *context, int argc, char **argv);
void tool_schema_cksum(const struct tool_context *context, int argc, char **argv);
void tool_compare_versions(const struct tool_context *context, int argc, char **argv);
