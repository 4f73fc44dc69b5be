// SPDX-License-Identifier: Apache-2.0
// The registry of management commands: each layer's commands are registered once, by the daemon,
// and every dialect of the control socket is made from it.
#pragma once

#include "basic/buf.h"

#include <stdbool.h>

// A command being run. The handler answers it exactly once, now or later.
struct command_call;

// What a command is as a varlink method (varlink.c).
enum command_arg_kind {
    ARG_STRING,
    ARG_STRINGS, // the rest of the arguments; may be left out
    ARG_INTEGER,
    ARG_ON_OFF, // a boolean: "on" or "off"
};

struct command_arg {
    const char *name;
    enum command_arg_kind kind;
};

// How the text of the answer becomes a value.
enum command_reply_kind {
    REPLY_NOTHING,
    REPLY_TEXT,
    REPLY_INTEGER,
    REPLY_WORD,     // what follows ": "
    REPLY_LINES,    // an array of strings
    REPLY_COUNTERS, // "a:1 b:2"
    REPLY_RECORD,   // lines "name: text", each a value of its own: see `fields`
    REPLY_BLOCKS,   // such records, separated by empty lines: an array of records
    REPLY_ROWS,     // lines of words below a line of dashes: an array of records
};

enum command_field_kind {
    FIELD_STRING,
    FIELD_STRINGS, // separated by blanks and commas
    FIELD_INTEGER,
};

struct command_field {
    const char *name;
    enum command_field_kind kind;
    bool is_optional; // may be missing from the text
};

struct command_type {
    const char *method;         // "AddDatabase"
    struct command_arg args[4]; // a NULL name ends them
    enum command_reply_kind reply;
    const char *result;                 // the name of the value; NULL for a record
    const struct command_field *fields; // of a record or a row; a NULL name ends them
};

struct command {
    const char *name;  // "ovsdb-server/add-remote"
    const char *usage; // "REMOTE"; "" without arguments
    int min_args;
    int max_args; // -1: any number
    // argv[0] is the command's name.
    void (*run)(struct command_call *call, int argc, char **argv, void *userdata);
    void *userdata;
    const struct command_type *type; // NULL: reached by its name only
    // It changes nothing: whoever can connect may run it, not only root and the server's own user,
    // and varlink's "more" has it run again whenever its answer may have changed.
    bool reads;
};

struct command_registry;

struct command_registry *command_registry_new(void); // has "list-commands" and "set-options"
void command_registry_free(struct command_registry *registry);
void command_register(struct command_registry *registry,
                      const struct command *command); // copied; strings stay the caller's
// Gives the command called `name` a type, which stays the caller's. It must be registered.
void command_describe(struct command_registry *registry, const char *name,
                      const struct command_type *type);
void command_registry_list(const struct command_registry *registry,
                           struct buf *text); // as list-commands prints

// Has `changed` called after each command that is not marked as `reads`, before its answer is sent.
void command_registry_on_change(struct command_registry *registry, void (*changed)(void *userdata),
                                void *userdata);
// What commands answer may be another text now: those who asked for more hear of it, though not
// more often than ten times a second. O(them).
void command_registry_changed(struct command_registry *registry);
bool command_registry_is_watched(const struct command_registry *registry);

// The text to print on standard output, or for standard error with exit status 2. Ends the call.
void command_reply(struct command_call *call, const char *text);
void command_reply_error(struct command_call *call, const char *text);
// The one or the other: `error`, which it frees, or nothing to print if it is NULL.
void command_reply_outcome(struct command_call *call, char *error);
