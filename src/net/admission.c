// SPDX-License-Identifier: Apache-2.0
// The accept rate is limited by a token bucket: credit is time, an accepted connection costs
// 1 s / max_accept_rate, and at most one second of credit is kept.
#include "net/admission.h"

#include "basic/counter.h"
#include "basic/hash.h"
#include "basic/messages.h"
#include "net/internal.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

LOG_MODULE(net);
COUNTER(sessions_refused, "Connections refused because there were too many in total");
COUNTER(remote_sessions_refused, "Connections refused because their remote had too many");
COUNTER(user_sessions_refused, "Connections refused because their user had too many");
COUNTER(accepts_delayed, "Times that connections had to wait because they came too fast");

struct user {
    struct slice key; // its bytes follow the struct
    unsigned n;       // connections
};

// Appends what identifies the user of a socket: 4 bytes for IPv4, also if an IPv6 socket maps it;
// 16 bytes for IPv6; a text for Unix. Returns false if it cannot be determined.
static bool user_key(int fd, struct buf *key)
{
    struct endpoint peer = {.size = sizeof(peer.storage)};
    struct ucred process;
    socklen_t size = sizeof(process);

    if (getpeername(fd, &peer.sa, &peer.size) < 0) {
        return false;
    }
    if (peer.sa.sa_family == AF_INET) {
        buf_put(key, (const char *)&peer.in.sin_addr, sizeof(peer.in.sin_addr));
    } else if (peer.sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.in6.sin6_addr)) {
        buf_put(key, (const char *)&peer.in6.sin6_addr + 12, 4);
    } else if (peer.sa.sa_family == AF_INET6) {
        buf_put(key, (const char *)&peer.in6.sin6_addr, sizeof(peer.in6.sin6_addr));
    } else if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size)) {
        buf_printf(key, "uid %u", process.uid);
    }
    return key->size;
}

static uint64_t key_hash(struct slice key)
{
    return hash_bytes(key.data, key.size, 0);
}

static struct user *find_user(const struct net *net, struct slice key)
{
    struct user *user;

    HTABLE_FOREACH_WITH_HASH(user, &net->users, key_hash(key))
    {
        if (slice_equals(user->key, key)) {
            return user;
        }
    }
    return NULL;
}

struct user *admission_enter(struct net *net, int fd)
{
    _cleanup_buf_ struct buf key = {0};
    struct user *user;

    if (!user_key(fd, &key)) {
        return NULL;
    }
    user = find_user(net, buf_slice(&key));
    if (!user) {
        user = xmalloc(sizeof(*user) + key.size);
        *user = (struct user){.key = {memcpy(user + 1, key.data, key.size), key.size}};
        htable_insert(&net->users, key_hash(user->key), user);
    }
    user->n++;
    return user;
}

void admission_leave(struct net *net, struct user *user)
{
    assert(!user || user->n);
    if (user && !--user->n) {
        htable_remove(&net->users, key_hash(user->key), user);
        free(user);
    }
}

size_t admission_most_of_user(const struct net *net)
{
    struct user *user;
    size_t most = 0;

    HTABLE_FOREACH(user, &net->users)
    {
        most = user->n > most ? user->n : most;
    }
    return most;
}

static size_t count_of_user(const struct net *net, int fd)
{
    _cleanup_buf_ struct buf key = {0};
    const struct user *user = user_key(fd, &key) ? find_user(net, buf_slice(&key)) : NULL;

    return user ? user->n : 0;
}

bool admission_allows(struct remote *remote, int fd, const char *name)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    const struct net *net = remote->net;
    const struct net_limits *limits = &net->limits;
    const char *why;

    if (net->n_connections >= limits->max_connections) {
        COUNT(sessions_refused);
        why = "the server has";
    } else if (remote->n_connections >= limits->max_per_remote) {
        COUNT(remote_sessions_refused);
        why = "its remote has";
    } else if (limits->max_per_user < SIZE_MAX && count_of_user(net, fd) >= limits->max_per_user) {
        COUNT(user_sessions_refused);
        why = remote->is_unix ? "its user has" : "its address has";
    } else {
        return true;
    }
    log_event_limited(&limit, LOG_LEVEL_WARN, MSG_CLIENT_REFUSED,
                      LOG_FIELDS({"OVSDB_SESSION", name}, {"OVSDB_REMOTE", remote->target}),
                      "%s: refused at %s: %s as many connections as are allowed", name,
                      remote->target, why);
    return false;
}

static usec_t price_of_accept(const struct net *net)
{
    return USEC_PER_SEC / net->limits.max_accept_rate;
}

void admission_count(struct net *net)
{
    net->accept_credit -= price_of_accept(net);
}

bool admission_in_time(struct net *net, usec_t *ret_pause)
{
    static struct log_limit limit = LOG_LIMIT_INIT(6, 1);
    usec_t now = net_now(net), price = price_of_accept(net);

    net->accept_credit += now - net->accept_time;
    net->accept_time = now;
    if (net->accept_credit > USEC_PER_SEC) {
        net->accept_credit = USEC_PER_SEC;
    }
    if (net->accept_credit >= price) {
        return true;
    }
    COUNT(accepts_delayed);
    log_event_limited(&limit, LOG_LEVEL_WARN, MSG_CLIENTS_DELAYED, NULL,
                      "clients connect faster than %zu per second: further connections are delayed",
                      net->limits.max_accept_rate);
    *ret_pause = price - net->accept_credit;
    return false;
}
