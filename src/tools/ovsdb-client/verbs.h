// SPDX-License-Identifier: Apache-2.0
// The verbs of ovsdb-client, and the context that main.c passes to them.
#pragma once

#include "model/schema.h"
#include "net/tls/options.h"
#include "service/options.h"
#include "tools/client.h"
#include "tools/table_formatter.h"

#include <stdnoreturn.h>

struct client_context {
    const char *server;    // target of the current server
    struct client *client; // NULL for verbs that connect themselves
    char *database;        // the chosen database; NULL for verbs without one
    char **databases;      // the server's databases, sorted, NULL at the end; for NEEDS_DATABASE
    // The first argument if it may have been meant as a database that the server lacks, or NULL.
    const char *not_database;
    struct table_style style;
    bool timestamp;
    bool not_change_aware; // --no-db-change-aware
    bool leader_only;      // of several servers, use only the leader
    // Whether --leader-only was given: then a single server must be the leader, too.
    bool leader_only_given;
    bool force; // --force
    struct service_options service;
    struct tls_options tls;
    bool printed;  // a table has been printed before
    bool is_ready; // client_background_ready() was called
};

enum client_needs {
    NEEDS_NOTHING,    // the verb connects itself
    NEEDS_CONNECTION, // a server
    NEEDS_DATABASE,   // a server and one of its databases
};

struct client_verb {
    const char *name;
    enum client_needs needs;
    int min_args;      // without server and database
    int max_args;      // -1: any number
    const char *usage; // of these arguments
    void (*run)(struct client_context *context, int argc, char **argv);
    // Returns the database that is named within another argument (caller frees). Ends the program
    // if the argument is invalid. NULL: there is no such argument.
    char *(*database_of)(char **argv);
    bool stays; // runs until a signal or "exit", and calls client_background_begin() itself
};

// Tries the servers in order until one can be used (choose.c). With NEEDS_DATABASE it chooses
// context->database: if the server has a database `argument` (may be NULL), it chooses that and
// returns true; otherwise, if `may_be_other`, the default: Open_vSwitch, or the only database whose
// name does not begin with an underscore.
bool client_choose(struct client_context *context, const struct client_verb *verb,
                   const char *argument, bool may_be_other);
// Fails because the argument `name` is not a table of the database.
noreturn void client_fail_no_table(const struct client_context *context, const char *name);
// The server's databases, sorted, NULL-terminated. False: the connection was lost.
bool client_list_databases(struct client *client, char ***ret);
void client_strings_free(char ***strings); // and sets it to NULL; NULL allowed
// Prints `table` and frees its content.
void client_print_table(struct client_context *context, struct table_formatter *table);
// The schema of the chosen database. The caller unrefs it.
struct schema *client_fetch_schema(struct client_context *context);
// Appends a JSON array of these strings, which a NULL ends, such as the params of a request.
void client_put_strings(struct buf *buf, const char *first, ...) __attribute__((sentinel));

// Unless --no-db-change-aware was given, tells the server that it need not disconnect `client` when
// a database is added, removed or converted. Errors are ignored: old servers do not support it.
void client_announce_change_aware(struct client_context *context, struct client *client);

char *client_database_of_transaction(char **argv);
char *client_database_of_schema(char **argv);

void client_list_dbs(struct client_context *context, int argc, char **argv);
void client_get_schema(struct client_context *context, int argc, char **argv);
void client_get_schema_version(struct client_context *context, int argc, char **argv);
void client_get_schema_cksum(struct client_context *context, int argc, char **argv);
void client_list_tables(struct client_context *context, int argc, char **argv);
void client_list_columns(struct client_context *context, int argc, char **argv);
void client_transact(struct client_context *context, int argc, char **argv);
void client_query(struct client_context *context, int argc, char **argv);
void client_backup(struct client_context *context, int argc, char **argv);
void client_restore(struct client_context *context, int argc, char **argv);
void client_dump(struct client_context *context, int argc, char **argv);
void client_monitor(struct client_context *context, int argc, char **argv);
void client_monitor_cond(struct client_context *context, int argc, char **argv);
void client_monitor_cond_since(struct client_context *context, int argc, char **argv);
void client_wait(struct client_context *context, int argc, char **argv);
void client_lock(struct client_context *context, int argc, char **argv);
void client_steal(struct client_context *context, int argc, char **argv);
void client_unlock(struct client_context *context, int argc, char **argv);
void client_needs_conversion(struct client_context *context, int argc, char **argv);
void client_convert(struct client_context *context, int argc, char **argv);
