// SPDX-License-Identifier: Apache-2.0
// Management commands and their registry. The daemon registers the commands of each layer once.
// Every dialect of the control socket is generated from the registry.
#pragma once

#include "basic/buf.h"
#include "basic/failure.h"

#include <jansson.h>
#include <stdbool.h>

// A call of a command. The command's handler answers it exactly once, before or after it returns.
struct command_call;

// The type of an argument of a varlink method, and what it is on the command line (varlink.c).
enum command_arg_kind {
    ARG_STRING,
    ARG_STRINGS,         // all further arguments; may be left out
    ARG_OPTIONAL_STRING, // the last argument; may be left out
    ARG_INTEGER,
    ARG_ON_OFF, // a boolean; "on" or "off" on the command line
    ARG_N_KINDS,
};

struct command_arg {
    const char *name;
    enum command_arg_kind kind;
};

// The type of a member of a reply.
enum command_field_kind {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_REAL,
    FIELD_BOOLEAN,
    FIELD_STRINGS,  // array of strings
    FIELD_COUNTERS, // object of integers by name
    FIELD_RECORDS,  // array of objects with the members of `fields`
    FIELD_N_KINDS,
};

struct command_field {
    const char *name;
    enum command_field_kind kind;
    bool is_optional;                   // the member may be missing
    const struct command_field *fields; // of FIELD_RECORDS; ended by a NULL name
};

// Lists of fields for static initializers: any fields; one string; one array of strings; one array
// of records.
#define COMMAND_FIELDS(...)    ((const struct command_field[]){__VA_ARGS__, {NULL}})
#define COMMAND_STRING(name_)  COMMAND_FIELDS({name_, FIELD_STRING})
#define COMMAND_STRINGS(name_) COMMAND_FIELDS({name_, FIELD_STRINGS})
#define COMMAND_RECORDS(name_, ...)                                                                \
    COMMAND_FIELDS({name_, FIELD_RECORDS, false, COMMAND_FIELDS(__VA_ARGS__)})

// A command, and its method in the varlink interface. Lists of commands are static arrays ended by
// a NULL name. A change of a method is a change of the interface (interface.h).
struct command {
    const char *name;  // "ovsdb-server/add-remote"
    const char *usage; // "REMOTE"; "" if it has no arguments
    int min_args;
    int max_args; // -1: any number
    // The handler. argv[0] is the name of the command.
    void (*run)(struct command_call *call, int argc, char **argv, void *userdata);
    const char *method;                 // "AddRemote"; NULL: none, varlink runs it by Run only
    struct command_arg args[4];         // of the method; ended by a NULL name
    const struct command_field *result; // the members of the reply; NULL: it has none
    // The command changes nothing. Therefore every user who can connect may run it, not only root
    // and the server's own user; and with varlink's "more" it is run again whenever its reply may
    // have changed.
    bool reads;
};

struct command_registry;

// Makes a registry with the commands "list-commands" and "set-options".
struct command_registry *command_registry_new(void);
// Frees it; no client may be watching it (asserted). NULL allowed.
void command_registry_free(struct command_registry *registry);
// Adds `commands`, which must stay valid. Their names and methods must be new (asserted).
// `userdata` is passed to their run().
void command_register(struct command_registry *registry, const struct command *commands,
                      void *userdata);
// Appends the output of "list-commands".
void command_registry_list(const struct command_registry *registry, struct buf *text);

// Sets the function that is called after each command that is not marked as `reads`, before its
// answer is sent.
void command_registry_on_change(struct command_registry *registry, void (*changed)(void *userdata),
                                void *userdata);
// Tells the clients that called a method with "more" that its reply may have changed. Each of them
// gets a new reply at most ten times a second. O(these clients).
void command_registry_changed(struct command_registry *registry);
bool command_registry_is_watched(const struct command_registry *registry); // there are such clients

// The functions below answer a call. The call must not be used afterwards.

// Appends the text that ovs-appctl prints for a reply.
typedef void command_print(const json_t *reply, struct buf *text);
// Replies with an object that has the members that the command's `result` declares (asserted).
// Takes over `reply`.
void command_reply_value(struct command_call *call, json_t *reply, command_print *print);
// Replies with a text. The `result` of a command with a method must be one string, which will be
// `text`; or NULL, then `text` must be empty (asserted).
void command_reply(struct command_call *call, const char *text);
// Fails. ovs-appctl prints `text` to standard error and exits with 2.
void command_reply_error(struct command_call *call, const char *text);
// Fails with the text of `failure`, which it frees. NULL: replies with an empty text.
void command_reply_failure(struct command_call *call, struct failure *failure);
