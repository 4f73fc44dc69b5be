// SPDX-License-Identifier: Apache-2.0
#include "tools/control_target.h"

#include "basic/dirs.h"
#include "control/control.h"
#include "net/net.h"
#include "service/pidfile.h"
#include "tools/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INSTANCES_RUNDIR "/run/ovsdb" // of units/ovsdb-server@.service
#define OVN_RUNDIR       "/run/ovn"

// Finds the control socket of the daemon `name` in `dir`: NAME.PID.ctl by its pidfile, or NAME.ctl
// as the instances of the service have it. Returns 0, or negative errno of reading the pid file.
static int find_in(const char *dir, const char *name, char **ret)
{
    _cleanup_free_ char *pidfile = xasprintf("%s/%s.pid", dir, name);
    char *socket;
    pid_t pid;
    int r = pidfile_read(pidfile, &pid);

    if (!r) {
        socket = xasprintf("%s/%s.%ld.ctl", dir, name, (long)pid);
        if (!access(socket, F_OK)) {
            *ret = socket;
            return 0;
        }
        free(socket);
        r = -ENOENT;
    }
    socket = xasprintf("%s/%s.ctl", dir, name);
    if (!access(socket, F_OK)) {
        *ret = socket;
        return 0;
    }
    free(socket);
    return r;
}

// Finds the control socket of `target`, in other run directories only if OVS_RUNDIR does not choose
// one. Caller frees *ret_path, or *ret_error on failure.
static int find_socket(const char *target, char **ret_path, char **ret_error)
{
    static const char *const others[] = {INSTANCES_RUNDIR, OVN_RUNDIR};
    const char *chosen = getenv("OVS_RUNDIR");
    int r;

    if (target[0] == '/') {
        *ret_path = xstrdup(target);
        return 0;
    }
    r = find_in(dirs_run(), target, ret_path);
    for (size_t i = 0; r < 0 && !(chosen && *chosen) && i < ARRAY_SIZE(others); i++) {
        int r2 = find_in(others[i], target, ret_path);

        r = r2 == -ENOENT ? r : r2;
    }
    if (r < 0) {
        *ret_error = xasprintf("cannot find the daemon by its pidfile \"%s/%s.pid\" (%s)",
                               dirs_run(), target, strerror(-r));
    }
    return r;
}

static int call_local(const char *target, bool as_json, int argc, char **argv, char **ret_text)
{
    _cleanup_free_ char *path = NULL;
    int r = find_socket(target, &path, ret_text);

    if (r < 0) {
        return r;
    }
    r = control_call(path, as_json, argv[0], argc - 1, argv + 1, ret_text);
    if (r < 0) {
        *ret_text = xasprintf("cannot connect to \"%s\" (%s)", path, strerror(-r));
    }
    return r;
}

static int call_client(struct client *client, bool as_json, int argc, char **argv, char **ret_text)
{
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf answer = {0};
    enum client_result result;

    control_put_params(&params, argc - 1, argv + 1);
    result = client_call(client, argv[0], buf_slice(&params), &answer);
    *ret_text = control_text_of(buf_slice(&answer), as_json && result == CLIENT_RESULT);
    return result == CLIENT_ERROR;
}

static int call_remote(const char *target, const struct tls_options *tls, bool as_json, int argc,
                       char **argv, char **ret_text)
{
    char *set_json[] = {(char[]){"set-options"}, (char[]){"--format"}, (char[]){"json"}};
    struct client *client = client_open(target, tls, CLIENT_NO_RETRY);
    char *text = NULL;
    int r;

    client_stay(client);
    r = as_json ? call_client(client, false, ARRAY_SIZE(set_json), set_json, &text) : 0;

    if (!r) {
        free(text);
        r = call_client(client, as_json, argc, argv, &text);
    }
    client_close(client);
    *ret_text = text;
    return r;
}

int control_target_call(const char *target, const struct tls_options *tls, bool as_json, int argc,
                        char **argv, char **ret_text)
{
    assert(argc > 0);
    return remote_target_dials(target) ? call_remote(target, tls, as_json, argc, argv, ret_text)
                                       : call_local(target, as_json, argc, argv, ret_text);
}
