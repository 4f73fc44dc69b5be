// SPDX-License-Identifier: Apache-2.0
// The interface for writing log messages: modules, levels and rate limits. The service layer
// installs a sink, which formats the messages and writes them to their destinations (journal,
// syslog, console, file). Engine thread only, but for log_thread_begin().
//
//     LOG_MODULE(storage);
//     log_warn("%s: cut off %zu bytes of a torn record", path, size);
#pragma once

#include "basic/clock.h"
#include "basic/macro.h"

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
    LOG_LEVEL_OFF,
    LOG_LEVEL_EMER,
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DBG,
    LOG_N_LEVELS
};
enum log_destination { LOG_TO_SYSLOG, LOG_TO_CONSOLE, LOG_TO_FILE, LOG_N_DESTINATIONS };

struct log_module {
    const char *name;
    enum log_level levels[LOG_N_DESTINATIONS];
    enum log_level max_level; // the highest of `levels`; messages above it are not even formatted
    bool rate_limit_disabled;
    struct log_module *same; // if this is an alias: the module whose levels apply; else NULL
    struct log_module *next;
};

// A field of the journal entry besides the message, e.g. {"OVSDB_DATABASE", name}. An element with
// a NULL name ends an array of fields.
struct log_field {
    const char *name;
    const char *value;
};

struct log_record {
    const struct log_module *module;
    enum log_level level;
    const char *message_id;         // 32 hexadecimal digits, or NULL
    const struct log_field *fields; // or NULL
    const char *message;            // one line, no LF at the end
};

// A token bucket: allows `burst` messages at once, then one per `interval`.
struct log_limit {
    usec_t interval;
    unsigned burst;
    usec_t last_fill;
    unsigned tokens;
    unsigned dropped;
    bool filled;
};

#define LOG_LIMIT_INIT(per_minute, burst_)                                                         \
    {                                                                                              \
        .interval = 60 * USEC_PER_SEC / (per_minute), .burst = (burst_)                            \
    }

// Defines the module of this file and registers it before main(). Several files may use one name.
#define LOG_MODULE(name_)                                                                          \
    static struct log_module *log_this_module;                                                     \
    __attribute__((constructor)) static void log_register_this_module(void)                        \
    {                                                                                              \
        log_this_module = log_module_get(#name_);                                                  \
    }                                                                                              \
    struct log_this_module_needs_semicolon

// The module called `name`, a string of static storage duration. Creates it if there is none yet.
// Modules are never freed.
struct log_module *log_module_get(const char *name);
// Iterates in order of name: returns the first module for NULL, and NULL after the last one.
struct log_module *log_module_next(struct log_module *module);
// The module called `name`, compared without regard to case, or the module it is an alias of. NULL
// if there is none.
struct log_module *log_module_find(const char *name);
// Sets the level of `module` for `destination`. A NULL module stands for all modules, including
// those created later; a destination of -1 stands for all destinations.
void log_set_level(struct log_module *module, int destination, enum log_level level);

const char *log_level_name(enum log_level level); // "OFF", "EMER", "ERR", "WARN", "INFO", "DBG"
// Parse a name without regard to case. False, with *ret untouched, if the name is unknown.
bool log_level_parse(const char *name, enum log_level *ret);
// The names are "syslog", "console" and "file".
bool log_destination_parse(const char *name, enum log_destination *ret);

// Installs the function that receives the messages up to max_level. Until then, messages go to
// standard error.
void log_set_sink(void (*sink)(const struct log_record *record));

// The number of messages written so far, by level.
extern uint64_t log_counts[LOG_N_LEVELS];

// Writes a message regardless of the level. Callers use the macros below. Keeps errno.
void log_write(struct log_module *module, enum log_level level, const char *message_id,
               const struct log_field *fields, const char *format, ...) PRINTF_FORMAT(5, 6);
// Messages of a helper thread, in the order in which they were written. A zeroed struct is empty.
struct log_queue {
    struct log_queued *first, *last;
};
// From now on the messages of the calling thread are put into `queue`, until log_thread_end(). A
// helper thread must not write messages otherwise.
void log_thread_begin(struct log_queue *queue);
void log_thread_end(void);
// Writes the messages of a queue and empties it. The helper thread must have ended.
void log_queue_write(struct log_queue *queue);

// True if `limit` allows a message now. If it has dropped messages before, first writes a message
// with their number.
bool log_limit_pass(struct log_limit *limit, struct log_module *module, enum log_level level);

#define log_at(level, ...)                                                                         \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level) {                                               \
            log_write(log_this_module, (level), NULL, NULL, __VA_ARGS__);                          \
        }                                                                                          \
    } while (0)
#define log_emer(...) log_at(LOG_LEVEL_EMER, __VA_ARGS__)
#define log_err(...)  log_at(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_dbg(...)  log_at(LOG_LEVEL_DBG, __VA_ARGS__)

// As log_at(), but drops the message if `limit` does not allow it.
#define log_limited(limit, level, ...)                                                             \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level &&                                               \
            log_limit_pass((limit), log_this_module, (level))) {                                   \
            log_write(log_this_module, (level), NULL, NULL, __VA_ARGS__);                          \
        }                                                                                          \
    } while (0)

// As log_event(), but drops the message if `limit` does not allow it.
#define log_event_limited(limit, level, id, fields, ...)                                           \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level &&                                               \
            log_limit_pass((limit), log_this_module, (level))) {                                   \
            log_write(log_this_module, (level), (id), (fields), __VA_ARGS__);                      \
        }                                                                                          \
    } while (0)

// Logs an event that an administrator may want to find, with a MESSAGE_ID and fields, e.g.
//     log_event(LOG_LEVEL_INFO, MSG_DATABASE_OPENED, LOG_FIELDS({"OVSDB_DATABASE", name}),
//               "%s: opened", path);
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL}})
#define log_event(level, id, fields, ...)                                                          \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level) {                                               \
            log_write(log_this_module, (level), (id), (fields), __VA_ARGS__);                      \
        }                                                                                          \
    } while (0)
