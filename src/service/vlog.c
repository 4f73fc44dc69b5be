// SPDX-License-Identifier: Apache-2.0
// The sink of basic/log.h. A record goes to each destination whose level for the record's module
// admits it, as a line in the pattern of the destination.
#include "service/vlog.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "service/journal.h"
#include "service/pattern.h"
#include "service/syslog_target.h"
#include "service/vlog_modules.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/syslog.h>

LOG_MODULE(vlog);

static const char *const default_patterns[LOG_N_DESTINATIONS] = {
    [LOG_TO_SYSLOG] = "ovs|%05N|%c%T|%p|%m",
    [LOG_TO_CONSOLE] = "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
    [LOG_TO_FILE] = "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
};

// The beginning of a message to --syslog-target (RFC 5424), with a byte order mark for UTF-8.
#define RFC5424 "<%B>1 %D{%Y-%m-%dT%H:%M:%S.###Z} %E %A %P %c - \xef\xbb\xbf"

static struct {
    const char *program;
    const char *subprogram;
    char *patterns[LOG_N_DESTINATIONS];
    struct syslog_target *syslog; // NULL: not used yet
    struct syslog_target *remote; // --syslog-target, or NULL
    int facility;                 // -1: the default of each target
    char *file_path;              // absolute; NULL: there is no log file
    int file_fd;                  // -1: closed
    int file_error;               // see vlog_file_error()
    bool is_journal;
    bool has_console;
    usec_t start;
    unsigned serial;
} vlog = {.program = "?", .facility = -1, .file_fd = -1};

static void expand_line(struct buf *line, const char *prefix, const char *pattern,
                        const struct pattern_context *context)
{
    buf_clear(line);
    pattern_expand(line, prefix, context);
    pattern_expand(line, pattern, context);
}

static void write_line(int fd, struct buf *line)
{
    ssize_t n;

    buf_putc(line, '\n');
    do {
        n = write(fd, line->data, line->size);
    } while (n < 0 && errno == EINTR);
}

static struct syslog_target *default_syslog(void)
{
    const char *method = getenv("OVS_SYSLOG_METHOD");
    struct syslog_target *target = NULL;

    if (method && method[0]) {
        failure_free(syslog_target_new(method, vlog.program, &target));
    }
    if (!target) {
        failure_free(syslog_target_new("libc", vlog.program, &target));
    }
    assert(target);
    return target;
}

static void send_to(struct syslog_target *target, int default_facility, const char *prefix,
                    const char *pattern, struct buf *line, struct pattern_context *context)
{
    context->facility = vlog.facility >= 0 ? vlog.facility : default_facility;
    expand_line(line, prefix, pattern, context);
    syslog_target_send(target, context->facility | pattern_priority(context->record->level),
                       buf_slice(line));
}

static void send_to_syslog(struct buf *line, struct pattern_context *context)
{
    if (!vlog.syslog) {
        vlog.syslog = default_syslog();
    }
    send_to(vlog.syslog, LOG_DAEMON, syslog_target_prefix(vlog.syslog),
            vlog.patterns[LOG_TO_SYSLOG], line, context);
    if (vlog.remote) {
        send_to(vlog.remote, LOG_LOCAL0, RFC5424, "%m", line, context);
    }
}

static void vlog_sink(const struct log_record *record)
{
    const enum log_level *levels = record->module->levels;
    bool to_console = vlog.has_console && record->level <= levels[LOG_TO_CONSOLE];
    bool to_syslog = record->level <= levels[LOG_TO_SYSLOG];
    _cleanup_buf_ struct buf line = {0};
    struct pattern_context context = {
        .record = record,
        .program = vlog.program,
        .subprogram = vlog.subprogram,
        .now = clock_realtime(),
        .since_start = clock_monotonic() - vlog.start,
        .serial = ++vlog.serial,
        .facility = vlog.facility >= 0 ? vlog.facility : LOG_DAEMON,
    };

    if (vlog.is_journal && (to_console || to_syslog)) {
        to_syslog = to_console = journal_send(record, vlog.program) < 0;
    }
    if (to_console) {
        expand_line(&line, "", vlog.patterns[LOG_TO_CONSOLE], &context);
        write_line(STDERR_FILENO, &line);
    }
    if (vlog.file_fd >= 0 && record->level <= levels[LOG_TO_FILE]) {
        expand_line(&line, "", vlog.patterns[LOG_TO_FILE], &context);
        write_line(vlog.file_fd, &line);
    }
    if (to_syslog) {
        send_to_syslog(&line, &context);
    }
}

void vlog_init(const char *program)
{
    assert(program);
    vlog.program = program;
    vlog.start = clock_monotonic();
    vlog.serial = 0;
    vlog.is_journal = journal_is_stderr();
    vlog.has_console = true;
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        free(vlog.patterns[i]);
        vlog.patterns[i] = xstrdup(default_patterns[i]);
    }
    vlog_modules_register();
    log_set_sink(vlog_sink);
}

void vlog_done(void)
{
    log_set_sink(NULL);
    vlog_close();
    free(TAKE_PTR(vlog.file_path));
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        free(TAKE_PTR(vlog.patterns[i]));
    }
    syslog_target_free(TAKE_PTR(vlog.syslog));
    syslog_target_free(TAKE_PTR(vlog.remote));
}

// Applies "FACILITY:facility"; `name` is the part after the colon.
static struct failure *set_facility(const char *name)
{
    int facility = syslog_facility_parse(name);

    if (facility < 0) {
        return failure_new(FAILURE_INVALID, "invalid facility");
    }
    vlog.facility = facility;
    return NULL;
}

// Applies "PATTERN:destination:pattern"; `spec` is the part after the first colon.
static struct failure *set_pattern(const char *spec)
{
    const char *colon = strchrnul(spec, ':');
    _cleanup_free_ char *name = xstrndup(spec, (size_t)(colon - spec));
    bool is_any = !strcasecmp(name, "any");
    enum log_destination named = LOG_N_DESTINATIONS;

    if (!is_any && !log_destination_parse(name, &named)) {
        return failure_new(FAILURE_INVALID, "unknown destination \"%s\"", name);
    }
    for (enum log_destination i = 0; i < LOG_N_DESTINATIONS; i++) {
        if (is_any || i == named) {
            free(vlog.patterns[i]);
            vlog.patterns[i] = xstrdup(*colon ? colon + 1 : colon);
        }
    }
    return NULL;
}

// A level specification. Its words are parsed one after another.
struct level_spec {
    struct log_module *module; // NULL: all
    int destination;           // -1: all
    enum log_level level;
    bool has_level;
};

static struct failure *parse_word(struct level_spec *spec, const char *word)
{
    const char *twice = NULL;
    enum log_destination destination;
    struct log_module *module;
    enum log_level level;

    if (!word[0] || !strcasecmp(word, "any")) {
        return NULL;
    }
    if (log_destination_parse(word, &destination)) {
        twice = spec->destination >= 0 ? "destinations" : NULL;
        spec->destination = (int)destination;
    } else if ((module = log_module_find(word))) {
        twice = spec->module ? "modules" : NULL;
        spec->module = module;
    } else if (log_level_parse(word, &level)) {
        twice = spec->has_level ? "levels" : NULL;
        spec->has_level = true;
        spec->level = level;
    } else {
        return failure_new(FAILURE_INVALID, "no destination, level, or module \"%s\"", word);
    }
    return twice ? failure_new(FAILURE_INVALID, "cannot specify multiple %s", twice) : NULL;
}

static struct failure *set_levels(const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text);
    struct level_spec spec = {.destination = -1, .level = LOG_LEVEL_DBG};
    char *rest = copy;
    struct failure *failure = NULL;
    char *word;

    while (!failure && (word = strsep(&rest, " ,:"))) {
        failure = parse_word(&spec, word);
    }
    if (!failure) {
        log_set_level(spec.module, spec.destination, spec.level);
    }
    return failure;
}

struct failure *vlog_set(const char *spec)
{
    if (!strncasecmp(spec, "PATTERN:", 8)) {
        return set_pattern(spec + 8);
    }
    if (!strncasecmp(spec, "FACILITY:", 9)) {
        return set_facility(spec + 9);
    }
    return set_levels(spec);
}

// The names of the destinations in arguments of vlog_set().
static const char *const destination_names[LOG_N_DESTINATIONS] = {
    [LOG_TO_SYSLOG] = "syslog",
    [LOG_TO_CONSOLE] = "console",
    [LOG_TO_FILE] = "file",
};

static void visit_levels(const struct log_module *module,
                         void (*visit)(void *userdata, const char *spec), void *userdata)
{
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        _cleanup_free_ char *spec = xasprintf("%s:%s:%s", module->name, destination_names[i],
                                              log_level_name(module->levels[i]));

        visit(userdata, spec);
    }
}

void vlog_visit_specs(void (*visit)(void *userdata, const char *spec), void *userdata)
{
    for (const struct log_module *m = log_module_next(NULL); m;
         m = log_module_next((struct log_module *)m)) {
        if (!m->same) {
            visit_levels(m, visit, userdata);
        }
    }
    for (int i = 0; i < LOG_N_DESTINATIONS; i++) {
        _cleanup_free_ char *spec =
            xasprintf("PATTERN:%s:%s", destination_names[i], vlog.patterns[i]);

        visit(userdata, spec);
    }
    if (vlog.facility >= 0) {
        _cleanup_free_ char *spec = xasprintf("FACILITY:%s", syslog_facility_name(vlog.facility));

        visit(userdata, spec);
    }
}

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

    vlog.file_error = fd < 0 ? errno : 0;
    if (fd < 0) {
        return -errno;
    }
    vlog_close();
    vlog.file_fd = fd;
    return 0;
}

int vlog_set_file(const char *path, char **ret_path)
{
    _cleanup_free_ char *name = xasprintf("%s.log", vlog.program);
    _cleanup_free_ char *folder = path && path[0] != '/' ? getcwd(NULL, 0) : NULL;
    char *full = path ? dirs_path(folder ? folder : "", path) : dirs_path(dirs_log(), name);
    int r = open_file(full);

    if (ret_path) {
        *ret_path = xstrdup(path ? path : full);
    }
    free(vlog.file_path);
    vlog.file_path = full;
    if (!r) {
        log_info("opened log file %s", path ? path : full);
    }
    return r;
}

int vlog_file_error(void)
{
    return vlog.file_error;
}

int vlog_reopen(void)
{
    int r;

    if (!vlog.file_path) {
        return 0;
    }
    r = open_file(vlog.file_path);
    if (!r) {
        log_info("opened log file %s", vlog.file_path);
    }
    return r;
}

int vlog_give_file(uid_t uid, gid_t gid)
{
    return vlog.file_fd >= 0 && fchown(vlog.file_fd, uid, gid) ? -errno : 0;
}

void vlog_close(void)
{
    if (vlog.file_fd >= 0) {
        close(TAKE_FD(vlog.file_fd));
    }
}

static struct failure *replace_target(struct syslog_target **where, const char *method)
{
    struct syslog_target *target;
    struct failure *failure = syslog_target_new(method, vlog.program, &target);

    if (!failure) {
        syslog_target_free(*where);
        *where = target;
    }
    return failure;
}

struct failure *vlog_set_syslog_method(const char *method)
{
    return replace_target(&vlog.syslog, method);
}

struct failure *vlog_set_syslog_target(const char *host_port)
{
    _cleanup_free_ char *method = xasprintf("udp:%s", host_port);

    return replace_target(&vlog.remote, method);
}

bool vlog_is_journal(void)
{
    return vlog.is_journal;
}

void vlog_set_subprogram(const char *name)
{
    vlog.subprogram = name;
}

void vlog_leave_console(void)
{
    vlog.has_console = false;
    vlog.is_journal = false;
}

const enum log_level *vlog_levels(const struct log_module *module)
{
    return module->same ? module->same->levels : module->levels;
}

const char *vlog_pattern(enum log_destination destination)
{
    assert(destination < LOG_N_DESTINATIONS);
    return vlog.patterns[destination];
}

const char *vlog_syslog_prefix(void)
{
    if (!vlog.syslog) {
        vlog.syslog = default_syslog();
    }
    return syslog_target_prefix(vlog.syslog);
}
