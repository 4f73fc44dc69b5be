// SPDX-License-Identifier: Apache-2.0
#include "daemon/handover/run_time.h"

#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "daemon/handover/run_time_settings.h"
#include "daemon/parts.h"
#include "service/crash_state.h"
#include "service/daemonize.h"
#include "service/fd_store.h"

#include <errno.h>
#include <string.h>

LOG_MODULE(ovsdb_server);

#define NAME "ovsdbd-run-time" // of the descriptor in the service manager's store

struct run_time {
    const struct parts *parts;
    int fd;         // the memory file; -1: none
    bool is_stored; // in the store of the service manager; else --monitor holds it
    char *saved;    // the text in it, or NULL
    json_t *former; // the state of the former process, or NULL
};

static bool are_strings(const json_t *array)
{
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item)) {
            return false;
        }
    }
    return json_is_array(array);
}

static bool is_difference(const json_t *object)
{
    return are_strings(json_object_get(object, "added")) &&
           are_strings(json_object_get(object, "removed"));
}

static bool has_settings(const json_t *object)
{
    const char *name;
    json_t *pair;

    json_object_foreach((json_t *)object, name, pair)
    {
        if (!json_is_array(pair) || json_array_size(pair) != 2) {
            return false;
        }
    }
    return json_is_object(object);
}

json_t *run_time_parse(struct slice text)
{
    _cleanup_free_ char *error = NULL;
    json_t *tree = tree_parse(text, &error);

    if (tree && is_difference(json_object_get(tree, "remotes")) &&
        is_difference(json_object_get(tree, "databases")) &&
        has_settings(json_object_get(tree, "settings"))) {
        return tree;
    }
    json_decref(tree);
    return NULL;
}

static void read_former(struct run_time *run_time)
{
    _cleanup_buf_ struct buf text = {0};

    if (crash_state_read(run_time->fd, &text) < 0) {
        return;
    }
    run_time->former = run_time_parse(buf_slice(&text));
    if (!run_time->former) {
        log_warn("changes made by commands are lost: the state of the former process is invalid");
        return;
    }
    run_time->saved = xstrndup(text.data, text.size);
    log_event(LOG_LEVEL_INFO, MSG_STATE_RESTORED, NULL,
              "restoring changes that commands made in the former process");
}

struct run_time *run_time_new(const struct parts *parts, struct listen_fd *fds, size_t n_fds)
{
    struct run_time *run_time = NEW(struct run_time);

    run_time->parts = parts;
    run_time->fd = daemonize_crash_state();
    for (size_t i = 0; i < n_fds; i++) {
        if (!strcmp(fds[i].name, NAME) && !run_time->is_stored) {
            run_time->fd = TAKE_FD(fds[i].fd);
            run_time->is_stored = true;
        }
    }
    if (run_time->fd >= 0) {
        read_former(run_time);
    }
    return run_time;
}

void run_time_free(struct run_time *run_time)
{
    if (run_time) {
        if (run_time->is_stored) {
            close(run_time->fd);
        }
        json_decref(run_time->former);
        free(run_time->saved);
        free(run_time);
    }
}

// A list of the former process's state, or NULL.
static const json_t *former_list(const struct run_time *run_time, const char *what,
                                 const char *list)
{
    return json_object_get(json_object_get(run_time->former, what), list);
}

static char *real_name(const char *file)
{
    char *real = NULL;

    return databases_is_relay(file) || file_resolve(file, &real) < 0 ? xstrdup(file) : real;
}

bool run_time_has_removed_database(const struct run_time *run_time, const char *file)
{
    const json_t *removed = former_list(run_time, "databases", "removed");
    _cleanup_free_ char *real = removed ? real_name(file) : NULL;
    json_t *item;
    size_t i;

    json_array_foreach(removed, i, item)
    {
        if (!strcmp(json_string_value(item), real)) {
            log_info("%s: not served: a command removed it", file);
            return true;
        }
    }
    return false;
}

// A database that the configuration names by now is served already.
void run_time_restore_databases(struct run_time *run_time)
{
    struct databases *databases = run_time->parts->databases;
    json_t *item;
    size_t i;

    json_array_foreach(former_list(run_time, "databases", "added"), i, item)
    {
        const char *file = json_string_value(item);
        _cleanup_failure_ struct failure *failure =
            databases_name_of(databases, file)
                ? NULL
                : databases_add(databases, file, NULL, run_time->parts->options->recover_damaged);

        if (failure) {
            log_event(LOG_LEVEL_ERR,
                      failure_kind(failure) == FAILURE_DAMAGED ? MSG_DATABASE_DAMAGED : NULL,
                      LOG_FIELDS({"OVSDB_FILE", file}),
                      "cannot serve a database that a command added: %s", failure_text(failure));
        }
    }
}

void run_time_restore_settings(struct run_time *run_time)
{
    if (run_time->former) {
        run_time_settings_set(run_time->parts, json_object_get(run_time->former, "settings"));
    }
}

void run_time_restore_removed_remotes(struct run_time *run_time)
{
    json_t *item;
    size_t i;

    json_array_foreach(former_list(run_time, "remotes", "removed"), i, item)
    {
        remotes_withhold(run_time->parts->remotes, json_string_value(item));
    }
}

void run_time_restore_added_remotes(struct run_time *run_time)
{
    json_t *item;
    size_t i;

    json_array_foreach(former_list(run_time, "remotes", "added"), i, item)
    {
        _cleanup_failure_ struct failure *failure = remotes_add(
            run_time->parts->remotes, json_string_value(item), &REMOTE_SETTINGS_DEFAULT);

        if (failure) {
            log_err("cannot open a remote that a command added: %s", failure_text(failure));
        }
    }
}

static json_t *difference_new(void)
{
    json_t *difference = json_object();

    json_object_set_new(difference, "added", json_array());
    json_object_set_new(difference, "removed", json_array());
    return difference;
}

static void put_item(json_t *difference, const char *text, bool is_added)
{
    json_array_append_new(json_object_get(difference, is_added ? "added" : "removed"),
                          json_string(text));
}

static void put_remote(void *userdata, const char *target, bool is_added)
{
    put_item(userdata, target, is_added);
}

static json_t *remotes_difference(const struct parts *parts)
{
    json_t *difference = difference_new();

    remotes_visit_commanded(parts->remotes, put_remote, difference);
    return difference;
}

static bool is_configured(const struct configuration *config, const char *real)
{
    for (size_t i = 0; i < config->n_databases; i++) {
        _cleanup_free_ char *other = real_name(config->databases[i].file);

        if (!strcmp(other, real)) {
            return true;
        }
    }
    return false;
}

static json_t *databases_difference(const struct parts *parts)
{
    const struct configuration *config = &parts->options->config;
    json_t *difference = difference_new();
    const char *name, *argument;
    struct store *store;
    size_t state = 0;

    while ((store = databases_next(parts->databases, &state, &name))) {
        _cleanup_free_ char *real = real_name(store_path(store));

        if (!is_configured(config, real)) {
            put_item(difference, real, true);
        }
    }
    for (state = 0; (argument = databases_next_copy(parts->databases, &state));) {
        _cleanup_free_ char *real = real_name(argument);

        if (!is_configured(config, real)) {
            put_item(difference, real, true);
        }
    }
    for (size_t i = 0; i < config->n_databases; i++) {
        if (!databases_name_of(parts->databases, config->databases[i].file)) {
            _cleanup_free_ char *real = real_name(config->databases[i].file);

            put_item(difference, real, false);
        }
    }
    return difference;
}

static char *state_text(const struct parts *parts)
{
    _cleanup_tree_ json_t *tree = json_object();

    json_object_set_new(tree, "remotes", remotes_difference(parts));
    json_object_set_new(tree, "databases", databases_difference(parts));
    json_object_set_new(tree, "settings", run_time_settings_get(parts));
    return tree_text(tree);
}

static int write_state(struct run_time *run_time, const char *text)
{
    int r;

    if (run_time->fd >= 0) {
        return crash_state_write(run_time->fd, slice_of(text));
    }
    run_time->fd = crash_state_new();
    if (run_time->fd < 0) {
        return run_time->fd;
    }
    run_time->is_stored = true;
    r = crash_state_write(run_time->fd, slice_of(text));
    return r < 0 ? r : fd_store_push(NAME, run_time->fd);
}

void run_time_save(struct run_time *run_time)
{
    _cleanup_free_ char *text = NULL;
    int r;

    if (run_time->fd < 0 && !fd_store_is_offered()) {
        return; // no process follows after a crash
    }
    text = state_text(run_time->parts);
    if (str_equals(text, run_time->saved)) {
        return;
    }
    r = write_state(run_time, text);
    if (r < 0) {
        log_warn("changes made by commands will not survive a crash: %s", strerror(-r));
    }
    free(run_time->saved);
    run_time->saved = TAKE_PTR(text);
}

void run_time_save_again(struct run_time *run_time)
{
    if (run_time->saved) {
        run_time_save(run_time);
    }
}

void run_time_forget(struct run_time *run_time)
{
    if (run_time->is_stored) {
        fd_store_remove(NAME);
    }
}
