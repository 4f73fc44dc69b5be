// SPDX-License-Identifier: Apache-2.0
// What ovsdb-client's main file hands to a verb, and the verbs.
#pragma once

#include "model/schema.h"
#include "net/tls/options.h"
#include "service/options.h"
#include "tools/client.h"
#include "tools/table_formatter.h"

#include <stdnoreturn.h>

struct client_context {
    const char *server;    // the one that it is with
    struct client *client; // NULL for verbs that dial themselves
    char *database;        // of verbs that are about one
    char **databases;      // of the server, sorted, NULL at the end; for NEEDS_DATABASE
    // The first argument if it could have been a database and was not, or NULL.
    const char *not_database;
    struct table_style style;
    bool timestamp;
    bool not_change_aware; // --no-db-change-aware
    bool leader_only;      // of several servers the leader only
    bool leader_only_given;
    bool force; // --force
    struct service_options service;
    struct tls_options tls;
    bool printed;  // a table has been printed before
    bool is_ready; // client_background_ready() was called
};

enum client_needs {
    NEEDS_NOTHING,    // dials itself
    NEEDS_CONNECTION, // a server
    NEEDS_DATABASE,   // a server and a database on it
};

struct client_verb {
    const char *name;
    enum client_needs needs;
    int min_args;      // without server and database
    int max_args;      // -1: any number
    const char *usage; // of these arguments
    void (*run)(struct client_context *context, int argc, char **argv);
    // The database that the arguments name otherwise; may be NULL. Caller frees. Ends the program
    // if they are invalid.
    char *(*database_of)(char **argv);
    bool stays; // runs until it is told to end, and calls client_background_begin() itself
};

// Goes from server to server to the first that is what is wanted. With NEEDS_DATABASE chooses
// context->database: `argument` (may be NULL) if the server has such a database, and returns true;
// else, if `may_be_other`, the default one: Open_vSwitch, or the only one whose name does not begin
// with an underscore.
bool client_choose(struct client_context *context, const struct client_verb *verb,
                   const char *argument, bool may_be_other);
// The table that an argument names is not there; or the argument means something else.
noreturn void client_fail_no_table(const struct client_context *context, const char *name);
// The server's databases, sorted, NULL-terminated. False: the connection was lost.
bool client_list_databases(struct client *client, char ***ret);
void client_strings_free(char ***strings); // and sets it to NULL; NULL allowed
// Prints and empties `table`.
void client_print_table(struct client_context *context, struct table_formatter *table);
// The schema of the chosen database. The caller unrefs it.
struct schema *client_fetch_schema(struct client_context *context);
// [DATABASE] and the like: a JSON array of these strings, for the params of a request. Appends to
// `buf`.
void client_put_strings(struct buf *buf, const char *first, ...) __attribute__((sentinel));

// Tells the server, unless --no-db-change-aware was given, that `client` need not be disconnected
// when a database comes, goes or is converted. Old servers do not know it: whatever they answer is
// fine.
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
