// SPDX-License-Identifier: Apache-2.0
#include "basic/log.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const level_names[LOG_N_LEVELS] = {"OFF", "EMER", "ERR", "WARN", "INFO", "DBG"};
static const char *const destination_names[LOG_N_DESTINATIONS] = {"syslog", "console", "file"};

static struct log_module *modules; // sorted by name
static enum log_level default_levels[LOG_N_DESTINATIONS] = {LOG_LEVEL_INFO, LOG_LEVEL_WARN,
                                                            LOG_LEVEL_INFO};
static void (*current_sink)(const struct log_record *record);

uint64_t log_counts[LOG_N_LEVELS];

// A message that waits for log_queue_write(). Owns its strings, but for the message id, which is a
// string literal, and the names of the fields.
struct log_queued {
    struct log_queued *next;
    struct log_module *module;
    enum log_level level;
    const char *message_id;
    struct log_field *fields; // or NULL
    char *message;
};

static _Thread_local struct log_queue *thread_queue;

static void module_update_max(struct log_module *module)
{
    module->max_level = LOG_LEVEL_OFF;
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        module->max_level = MAX(module->max_level, module->levels[i]);
    }
}

struct log_module *log_module_get(const char *name)
{
    struct log_module **where = &modules;
    struct log_module *module;

    while (*where && strcmp((*where)->name, name) < 0) {
        where = &(*where)->next;
    }
    if (*where && !strcmp((*where)->name, name)) {
        return *where;
    }
    module = NEW(struct log_module);
    module->name = name;
    memcpy(module->levels, default_levels, sizeof(default_levels));
    module_update_max(module);
    module->next = *where;
    *where = module;
    return module;
}

struct log_module *log_module_next(struct log_module *module)
{
    return module ? module->next : modules;
}

struct log_module *log_module_find(const char *name)
{
    struct log_module *module = modules;

    while (module && strcasecmp(module->name, name)) {
        module = module->next;
    }
    return module && module->same ? module->same : module;
}

static void set_levels(enum log_level levels[], int destination, enum log_level level)
{
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        if (destination < 0 || destination == i) {
            levels[i] = level;
        }
    }
}

void log_set_level(struct log_module *module, int destination, enum log_level level)
{
    assert(destination >= -1 && destination < LOG_N_DESTINATIONS && level < LOG_N_LEVELS);
    if (module) {
        set_levels(module->levels, destination, level);
        module_update_max(module);
        return;
    }
    set_levels(default_levels, destination, level);
    for (module = modules; module; module = module->next) {
        set_levels(module->levels, destination, level);
        module_update_max(module);
    }
}

static int find_name(const char *const names[], int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (!strcasecmp(names[i], name)) {
            return i;
        }
    }
    return -1;
}

const char *log_level_name(enum log_level level)
{
    assert(level < LOG_N_LEVELS);
    return level_names[level];
}

bool log_level_parse(const char *name, enum log_level *ret)
{
    int i = find_name(level_names, LOG_N_LEVELS, name);

    if (i < 0) {
        return false;
    }
    *ret = (enum log_level)i;
    return true;
}

bool log_destination_parse(const char *name, enum log_destination *ret)
{
    int i = find_name(destination_names, LOG_N_DESTINATIONS, name);

    if (i < 0) {
        return false;
    }
    *ret = (enum log_destination)i;
    return true;
}

void log_set_sink(void (*sink)(const struct log_record *record))
{
    current_sink = sink;
}

static struct log_field *fields_copy(const struct log_field *fields)
{
    struct log_field *copy;
    size_t n = 0;

    while (fields && fields[n].name) {
        n++;
    }
    copy = fields ? NEW_ARRAY(struct log_field, n + 1) : NULL;
    for (size_t i = 0; i < n; i++) {
        copy[i] =
            (struct log_field){fields[i].name, xstrdup(fields[i].value ? fields[i].value : "")};
    }
    return copy;
}

static void fields_free(struct log_field *fields)
{
    for (struct log_field *field = fields; field && field->name; field++) {
        free((char *)field->value);
    }
    free(fields);
}

// Takes `message`.
static void queue_put(struct log_queue *queue, const struct log_queued *message)
{
    struct log_queued *queued = xmemdup(message, sizeof(*message));

    queued->fields = fields_copy(message->fields);
    if (queue->last) {
        queue->last->next = queued;
    } else {
        queue->first = queued;
    }
    queue->last = queued;
}

// Gives a message to the sink.
static void deliver(struct log_module *module, const struct log_record *record)
{
    log_counts[record->level]++;
    if (current_sink) {
        current_sink(record);
    } else if (record->level <= module->levels[LOG_TO_CONSOLE]) {
        fprintf(stderr, "%s: %s\n", module->name, record->message);
    }
}

void log_thread_begin(struct log_queue *queue)
{
    assert(!thread_queue);
    thread_queue = queue;
}

void log_thread_end(void)
{
    assert(thread_queue);
    thread_queue = NULL;
}

void log_queue_write(struct log_queue *queue)
{
    while (queue->first) {
        struct log_queued *queued = queue->first;
        const struct log_record record = {queued->module, queued->level, queued->message_id,
                                          queued->fields, queued->message};

        queue->first = queued->next;
        deliver(queued->module, &record);
        fields_free(queued->fields);
        free(queued->message);
        free(queued);
    }
    queue->last = NULL;
}

void log_write(struct log_module *module, enum log_level level, const char *message_id,
               const struct log_field *fields, const char *format, ...)
{
    int saved_errno = errno;
    struct log_record record = {module, level, message_id, fields, NULL};
    char *message;
    va_list args;

    assert(level > LOG_LEVEL_OFF && level < LOG_N_LEVELS);
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    if (thread_queue) {
        queue_put(thread_queue, &(struct log_queued){NULL, module, level, message_id,
                                                     (struct log_field *)fields, message});
    } else {
        record.message = message;
        deliver(module, &record);
        free(message);
    }
    errno = saved_errno;
}

bool log_limit_pass(struct log_limit *limit, struct log_module *module, enum log_level level)
{
    usec_t now = clock_monotonic();

    if (module->rate_limit_disabled) {
        return true;
    }
    assert(limit->interval && limit->burst);
    if (!limit->filled) {
        limit->filled = true;
        limit->tokens = limit->burst;
        limit->last_fill = now;
    }
    if (now - limit->last_fill >= limit->interval) {
        usec_t gained = (now - limit->last_fill) / limit->interval;

        limit->tokens = (unsigned)MIN((usec_t)limit->burst, limit->tokens + gained);
        limit->last_fill += gained * limit->interval;
    }
    if (!limit->tokens) {
        limit->dropped++;
        return false;
    }
    limit->tokens--;
    if (limit->dropped) {
        unsigned dropped = limit->dropped;

        limit->dropped = 0;
        log_write(module, level, NULL, NULL, "dropped %u messages like the next one", dropped);
    }
    return true;
}
