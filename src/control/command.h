// SPDX-License-Identifier: Apache-2.0
// The registry of management commands: each layer's commands are registered once, by the daemon,
// and every dialect of the control socket is made from it.
#pragma once

#include "basic/buf.h"

#include <jansson.h>
#include <stdbool.h>

// A command being run. The handler answers it exactly once, now or later.
struct command_call;

// What a command is as a varlink method (varlink.c).
enum command_arg_kind {
    ARG_STRING,
    ARG_STRINGS,         // the rest of the arguments; may be left out
    ARG_OPTIONAL_STRING, // the last argument; may be left out
    ARG_INTEGER,
    ARG_ON_OFF, // a boolean: "on" or "off"
};

struct command_arg {
    const char *name;
    enum command_arg_kind kind;
};

// The type of one member of a reply, and its JSON.
enum command_field_kind {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_REAL,
    FIELD_BOOLEAN,
    FIELD_STRINGS,  // array of strings
    FIELD_COUNTERS, // object of integers by name
    FIELD_RECORDS,  // array of objects with the members of `fields`
};

struct command_field {
    const char *name;
    enum command_field_kind kind;
    bool is_optional;                   // the member may be missing
    const struct command_field *fields; // of FIELD_RECORDS; a NULL name ends them
};

// Lists of fields for static initializers: any, one string, one array of strings, one array of
// records.
#define COMMAND_FIELDS(...)    ((const struct command_field[]){__VA_ARGS__, {NULL}})
#define COMMAND_STRING(name_)  COMMAND_FIELDS({name_, FIELD_STRING})
#define COMMAND_STRINGS(name_) COMMAND_FIELDS({name_, FIELD_STRINGS})
#define COMMAND_RECORDS(name_, ...)                                                                \
    COMMAND_FIELDS({name_, FIELD_RECORDS, false, COMMAND_FIELDS(__VA_ARGS__)})

// A command, and what it is as a method of the varlink interface. Lists of commands are static
// arrays ended by a NULL name.
struct command {
    const char *name;  // "ovsdb-server/add-remote"
    const char *usage; // "REMOTE"; "" without arguments
    int min_args;
    int max_args; // -1: any number
    // argv[0] is the command's name.
    void (*run)(struct command_call *call, int argc, char **argv, void *userdata);
    const char *method;                 // "AddRemote"; NULL: varlink reaches it only by Run
    struct command_arg args[4];         // of the method; a NULL name ends them
    const struct command_field *result; // the members of the reply; NULL: it has none
    // It changes nothing: everybody who can connect may run it, not only root and the server's own
    // user, and varlink's "more" has it run again whenever its reply may have changed.
    bool reads;
};

struct command_registry;

struct command_registry *command_registry_new(void); // has "list-commands" and "set-options"
void command_registry_free(struct command_registry *registry);
// Adds `commands`, which stay the caller's; their names must be new (asserted). `userdata` is
// passed to their run().
void command_register(struct command_registry *registry, const struct command *commands,
                      void *userdata);
void command_registry_list(const struct command_registry *registry,
                           struct buf *text); // as list-commands prints

// Has `changed` called after each command that is not marked as `reads`, before its answer is sent.
void command_registry_on_change(struct command_registry *registry, void (*changed)(void *userdata),
                                void *userdata);
// What commands answer may be another text now: those who asked for more hear of it, though not
// more often than ten times a second. O(them).
void command_registry_changed(struct command_registry *registry);
bool command_registry_is_watched(const struct command_registry *registry);

// Each of these ends the call.
//
// Replies with an object that has the members that the command's `result` declares (asserted);
// takes over `reply`. `print` appends the text that ovs-appctl prints for it.
typedef void command_print(const json_t *reply, struct buf *text);
void command_reply_value(struct command_call *call, json_t *reply, command_print *print);
// Replies with a text. Of a command with a method, the result must be one string, which is `text`,
// or nothing; then `text` is empty (asserted).
void command_reply(struct command_call *call, const char *text);
// Fails: `text` is for standard error, with exit status 2.
void command_reply_error(struct command_call *call, const char *text);
// Fails with `error`, which it frees; NULL: replies with an empty text.
void command_reply_outcome(struct command_call *call, char *error);
