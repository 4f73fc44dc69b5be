// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes.h"

#include "basic/dirs.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/confinement.h"
#include "net/address.h"

LOG_MODULE(ovsdb_server);

struct entry {
    char *target; // as given
    char *key;    // the same for every way to write it
    struct remote *remote;
};

struct remotes {
    struct net *net;
    struct entry *entries; // sorted by target
    size_t n;
    size_t capacity;
};

struct remotes *remotes_new(struct net *net)
{
    struct remotes *remotes = NEW(struct remotes);

    remotes->net = net;
    return remotes;
}

static bool is_any_host(const char *host)
{
    return !host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static char *key_of(const char *target)
{
    struct address address;
    char *key;

    if (address_parse(target, &address, NULL) < 0) {
        return xstrdup(target);
    }
    if (address.kind == ADDRESS_UNIX) {
        _cleanup_free_ char *path = dirs_path(dirs_run(), address.path);

        key = xasprintf("%sunix:%s", address.is_passive ? "p" : "", path);
    } else {
        key = xasprintf("%s%s:%u:%s", address.is_passive ? "p" : "",
                        address.kind == ADDRESS_TLS ? "ssl" : "tcp", address.port,
                        address.is_passive && is_any_host(address.host) ? "" : address.host);
    }
    address_done(&address);
    return key;
}

// Its index, or the number of entries.
static size_t find(const struct remotes *remotes, const char *key)
{
    size_t i = 0;

    while (i < remotes->n && strcmp(remotes->entries[i].key, key)) {
        i++;
    }
    return i;
}

static void insert(struct remotes *remotes, const char *target, struct remote *remote)
{
    size_t i = 0;

    GROW(remotes->entries, remotes->n, remotes->capacity);
    while (i < remotes->n && strcmp(remotes->entries[i].target, target) < 0) {
        i++;
    }
    memmove(remotes->entries + i + 1, remotes->entries + i,
            (remotes->n - i) * sizeof(remotes->entries[0]));
    remotes->entries[i] = (struct entry){xstrdup(target), key_of(target), remote};
    remotes->n++;
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_ADDED, LOG_FIELDS({"OVSDB_REMOTE", target}),
              "%s: remote added", target);
}

char *remotes_add(struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *key = key_of(target);
    struct remote *remote;
    char *error = NULL;

    if (find(remotes, key) < remotes->n) {
        return NULL;
    }
    if (!strncmp(target, "db:", 3)) {
        return xasprintf("%s: remotes that are read from a database are not supported yet", target);
    }
    error = confinement_check_remote(target);
    if (error) {
        return error;
    }
    if (remote_new(remotes->net, target, &REMOTE_OPTIONS_DEFAULT, remotes->net, &remote, &error) <
        0) {
        return error;
    }
    insert(remotes, target, remote);
    return NULL;
}

char *remotes_add_fd(struct remotes *remotes, int fd)
{
    struct remote *remote;
    char *error = NULL;

    if (remote_new_from_fd(remotes->net, fd, &REMOTE_OPTIONS_DEFAULT, remotes->net, &remote,
                           &error) < 0) {
        return error;
    }
    insert(remotes, remote_target(remote), remote);
    return NULL;
}

static void remove_at(struct remotes *remotes, size_t i)
{
    struct entry entry = remotes->entries[i];

    memmove(remotes->entries + i, remotes->entries + i + 1,
            (remotes->n - i - 1) * sizeof(remotes->entries[0]));
    remotes->n--;
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_REMOVED, LOG_FIELDS({"OVSDB_REMOTE", entry.target}),
              "%s: remote removed", entry.target);
    remote_free(entry.remote);
    free(entry.target);
    free(entry.key);
}

bool remotes_remove(struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *key = key_of(target);
    size_t i = find(remotes, key);

    if (i == remotes->n) {
        return false;
    }
    remove_at(remotes, i);
    return true;
}

void remotes_free(struct remotes *remotes)
{
    if (!remotes) {
        return;
    }
    while (remotes->n) {
        remove_at(remotes, remotes->n - 1);
    }
    free(remotes->entries);
    free(remotes);
}

size_t remotes_count(const struct remotes *remotes)
{
    return remotes->n;
}

void remotes_list(const struct remotes *remotes, struct buf *text)
{
    for (size_t i = 0; i < remotes->n; i++) {
        buf_printf(text, "%s\n", remotes->entries[i].target);
    }
}
