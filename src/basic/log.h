// SPDX-License-Identifier: Apache-2.0
// The log's front end: modules, levels and rate limits. Where messages go (journal, syslog,
// console, file; levels and patterns of each) is the service layer's business, which installs a
// sink.
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
    enum log_level max_level; // the highest of `levels`: the cheap test
    bool rate_limit_disabled;
    struct log_module *same; // this is another name for that one, which counts; else NULL
    struct log_module *next;
};

// A native journal field beyond the message, e.g. {"OVSDB_DATABASE", name}. Arrays of them end with
// a NULL name.
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

// A token bucket: `burst` messages at once, then one per `interval`.
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

// Defines this file's module and registers it before main(). Several files may share a name.
#define LOG_MODULE(name_)                                                                          \
    static struct log_module *log_this_module;                                                     \
    __attribute__((constructor)) static void log_register_this_module(void)                        \
    {                                                                                              \
        log_this_module = log_module_get(#name_);                                                  \
    }                                                                                              \
    struct log_this_module_needs_semicolon

// The module called `name`, made if there is none yet. Never freed.
struct log_module *log_module_get(const char *name);
// The modules in order of name; NULL starts, NULL ends.
struct log_module *log_module_next(struct log_module *module);
// The module called `name` in any case, or that which it is another name for; NULL: none.
struct log_module *log_module_find(const char *name);
// Sets levels: of one module or, with NULL, of all and of modules yet to come; of one destination
// or, with -1, of all.
void log_set_level(struct log_module *module, int destination, enum log_level level);

const char *log_level_name(enum log_level level); // "OFF", "EMER", "ERR", "WARN", "INFO", "DBG"
bool log_level_parse(const char *name, enum log_level *ret); // any case
// "syslog", "console" or "file", in any case.
bool log_destination_parse(const char *name, enum log_destination *ret);

// Who gets the messages that pass max_level. Until it is set they go to standard error.
void log_set_sink(void (*sink)(const struct log_record *record));

// How many messages of WARN, ERR and EMER were written: index by level.
extern uint64_t log_counts[LOG_N_LEVELS];

void log_write(struct log_module *module, enum log_level level, const char *message_id,
               const struct log_field *fields, const char *format, ...) PRINTF_FORMAT(5, 6);
// True if a message may pass now. When messages were dropped before this one, a line says so.
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

// As log_at(), at most as often as `limit` allows.
#define log_limited(limit, level, ...)                                                             \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level &&                                               \
            log_limit_pass((limit), log_this_module, (level))) {                                   \
            log_write(log_this_module, (level), NULL, NULL, __VA_ARGS__);                          \
        }                                                                                          \
    } while (0)

// As log_event(), at most as often as `limit` allows.
#define log_event_limited(limit, level, id, fields, ...)                                           \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level &&                                               \
            log_limit_pass((limit), log_this_module, (level))) {                                   \
            log_write(log_this_module, (level), (id), (fields), __VA_ARGS__);                      \
        }                                                                                          \
    } while (0)

// An operationally relevant event: carries a MESSAGE_ID and fields, e.g.
//     log_event(LOG_LEVEL_INFO, MSG_OPENED, LOG_FIELDS({"OVSDB_DATABASE", name}), "%s: opened",
//     path);
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL}})
#define log_event(level, id, fields, ...)                                                          \
    do {                                                                                           \
        if ((level) <= log_this_module->max_level) {                                               \
            log_write(log_this_module, (level), (id), (fields), __VA_ARGS__);                      \
        }                                                                                          \
    } while (0)
