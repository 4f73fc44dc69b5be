// SPDX-License-Identifier: Apache-2.0
#include "daemon/replication/upstream.h"

#include "basic/log.h"
#include "basic/str.h"
#include "net/backoff.h"

#include <assert.h>
#include <string.h>

LOG_MODULE(replication);

#define MAX_WAIT_MS 8000 // between attempts, unless the options set it

struct upstreams {
    sd_event *event;
    struct server *server;
    struct net *clients_net; // net of the clients: has the TLS options
    struct list all;         // struct upstream
};

struct upstream {
    struct upstreams *upstreams;
    struct list node; // upstreams->all
    char *list;       // as given
    char **remotes;   // the parts of `list`
    size_t n_remotes;
    size_t current;  // the index of `remote`
    size_t n_failed; // how many have failed since the last connection or wait
    struct remote_options options;
    struct source *source;
    size_t n_replicas;
    struct net *net;
    struct remote *remote;         // NULL between two attempts
    struct connection *connection; // or NULL
    char *failure;                 // or NULL
    usec_t opened_at;              // when `connection` was opened
    struct backoff dial_backoff;
    sd_event_source *dial; // dials the next remote
    struct backoff retry_backoff;
    usec_t retried_at;      // when failed replicas were started last
    sd_event_source *retry; // starts failed replicas again
    sd_event_source *run;   // calls source_run()
    sd_event_source *report_self;
};

static uint64_t max_wait_ms(const struct upstream *upstream)
{
    return upstream->options.max_backoff_ms ? upstream->options.max_backoff_ms : MAX_WAIT_MS;
}

// Arms a timer, which is made at its first use.
static void arm(struct upstream *upstream, sd_event_source **timer, const char *description,
                uint64_t wait_ms, sd_event_time_handler_t handler)
{
    usec_t when = clock_monotonic() + wait_ms * USEC_PER_MSEC;

    if (!*timer) {
        if (sd_event_add_time(upstream->upstreams->event, timer, CLOCK_MONOTONIC, when,
                              USEC_PER_MSEC, handler, upstream) < 0) {
            log_err("%s: no timer can be made", upstream->list);
            return;
        }
        sd_event_source_set_description(*timer, description);
    }
    sd_event_source_set_time(*timer, when);
    sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

static void set_failure(struct upstream *upstream, const char *reason)
{
    free(upstream->failure);
    upstream->failure = reason ? xstrdup(reason) : NULL;
}

static void on_send(void *userdata, struct slice text)
{
    struct upstream *upstream = userdata;

    connection_send(upstream->connection, text, POSITION_NONE);
}

static void on_give_up(void *userdata, const char *reason)
{
    struct upstream *upstream = userdata;

    log_warn("%s: %s", upstream_remote(upstream), reason);
    set_failure(upstream, reason);
    connection_close(upstream->connection, reason);
}

static void upstream_release(struct upstream *upstream);

static int on_report_self(sd_event_source *event_source, void *userdata)
{
    struct upstream *upstream = userdata;

    log_warn("%s: this is the server itself, which cannot be its own source",
             upstream_remote(upstream));
    upstream->n_replicas++; // so that it is not freed when the last replica leaves
    source_report_self(upstream->source);
    upstream_release(upstream);
    return 0;
}

// Reports it later: the connection must not be closed from its own callback.
static void on_self(void *userdata)
{
    struct upstream *upstream = userdata;

    if (!upstream->report_self &&
        sd_event_add_defer(upstream->upstreams->event, &upstream->report_self, on_report_self,
                           upstream) < 0) {
        return;
    }
    sd_event_source_set_description(upstream->report_self, "replication from itself");
    sd_event_source_set_enabled(upstream->report_self, SD_EVENT_ONESHOT);
}

static int on_retry_timer(sd_event_source *timer, usec_t when, void *userdata)
{
    struct upstream *upstream = userdata;

    upstream->retried_at = clock_monotonic();
    source_retry(upstream->source);
    return 0;
}

static void on_retry(void *userdata)
{
    struct upstream *upstream = userdata;
    int enabled = SD_EVENT_OFF;

    if (upstream->retry) {
        sd_event_source_get_enabled(upstream->retry, &enabled);
    }
    if (enabled == SD_EVENT_OFF) {
        backoff_connection_ended(&upstream->retry_backoff,
                                 clock_monotonic() - upstream->retried_at);
        arm(upstream, &upstream->retry, "retry of replicas",
            backoff_next(&upstream->retry_backoff, max_wait_ms(upstream)), on_retry_timer);
    }
}

static void on_take(void *userdata, struct buf *ret)
{
    const struct upstream *upstream = userdata;

    connection_take_message(upstream->connection, ret);
}

static int on_run_step(sd_event_source *event_source, void *userdata)
{
    const struct upstream *upstream = userdata;

    if (source_run(upstream->source)) {
        sd_event_source_set_enabled(event_source, SD_EVENT_ONESHOT);
    }
    return 0;
}

static void on_run(void *userdata)
{
    struct upstream *upstream = userdata;

    if (!upstream->run) {
        if (sd_event_add_defer(upstream->upstreams->event, &upstream->run, on_run_step, upstream) <
            0) {
            log_err("%s: no event source can be made", upstream->list);
            return;
        }
        sd_event_source_set_description(upstream->run, "contents of replicas");
        // Input and output of clients come before each step.
        sd_event_source_set_priority(upstream->run, SD_EVENT_PRIORITY_IDLE);
    }
    sd_event_source_set_enabled(upstream->run, SD_EVENT_ONESHOT);
}

static const struct source_handler source_handler = {.send = on_send,
                                                     .give_up = on_give_up,
                                                     .is_self = on_self,
                                                     .retry = on_retry,
                                                     .take = on_take,
                                                     .run = on_run};

static void on_opened(struct connection *connection)
{
    struct upstream *upstream = net_userdata(connection_net(connection));

    assert(!upstream->connection);
    upstream->connection = connection;
    connection_set_userdata(connection, upstream);
    upstream->opened_at = clock_monotonic();
    source_connected(upstream->source);
}

static void on_message(struct connection *connection, struct slice text)
{
    struct upstream *upstream = connection_userdata(connection);

    source_receive(upstream->source, text);
    if (upstream->failure && source_is_usable(upstream->source)) {
        set_failure(upstream, NULL);
    }
}

static int on_dial(sd_event_source *timer, usec_t when, void *userdata);

// The current remote of several cannot be reached, or its connection has ended.
static void remote_failed(struct upstream *upstream)
{
    uint64_t wait_ms = 0;

    assert(upstream->n_remotes > 1);
    upstream->n_failed++;
    if (upstream->n_failed >= upstream->n_remotes) {
        upstream->n_failed = 0;
        wait_ms = backoff_next(&upstream->dial_backoff, max_wait_ms(upstream));
    }
    upstream->current = (upstream->current + 1) % upstream->n_remotes;
    arm(upstream, &upstream->dial, "next remote of a source", wait_ms, on_dial);
}

// A connection that ends at once counts as a failed attempt.
static void connection_ended(struct upstream *upstream)
{
    usec_t lasted = clock_monotonic() - upstream->opened_at;

    backoff_connection_ended(&upstream->dial_backoff, lasted);
    if (lasted >= USEC_PER_SEC && !upstream->dial_backoff.last_ms) {
        upstream->n_failed = 0;
    }
    remote_failed(upstream);
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct upstream *upstream = connection_userdata(connection);

    assert(connection == upstream->connection);
    upstream->connection = NULL;
    source_disconnected(upstream->source);
    if (!upstream->failure) {
        set_failure(upstream, reason);
    }
    if (upstream->n_remotes > 1 && upstream->net) {
        connection_ended(upstream);
    }
}

static void on_gave_up(struct remote *remote, const char *error)
{
    struct upstream *upstream = remote_userdata(remote);

    set_failure(upstream, error);
    remote_failed(upstream);
}

// Dials the current remote. Of several, the net dials each once.
static struct failure *dial_current(struct upstream *upstream)
{
    struct remote_options options = upstream->options;

    options.no_retry = upstream->n_remotes > 1;
    assert(!upstream->remote && !upstream->connection);
    return remote_new(upstream->net, upstream->remotes[upstream->current], &options, upstream,
                      &upstream->remote);
}

static int on_dial(sd_event_source *timer, usec_t when, void *userdata)
{
    struct upstream *upstream = userdata;
    _cleanup_failure_ struct failure *failure = NULL;

    remote_free(TAKE_PTR(upstream->remote));
    failure = dial_current(upstream);
    if (failure) {
        set_failure(upstream, failure_text(failure));
        remote_failed(upstream);
    }
    return 0;
}

struct upstreams *upstreams_new(sd_event *event, struct server *server, struct net *net)
{
    struct upstreams *upstreams = NEW(struct upstreams);

    upstreams->event = event;
    upstreams->server = server;
    upstreams->clients_net = net;
    list_init(&upstreams->all);
    return upstreams;
}

void upstreams_free(struct upstreams *upstreams)
{
    if (upstreams) {
        assert(list_is_empty(&upstreams->all));
        free(upstreams);
    }
}

// Calls visit() for each remote of the list, until it returns false.
static bool visit_remotes(const char *list, bool (*visit)(void *userdata, const char *remote),
                          void *userdata)
{
    struct slice rest = slice_of(list), word;

    while (slice_next_word(&rest, ", ", &word)) {
        _cleanup_free_ char *remote = xstrndup(word.data, word.size);

        if (!visit(userdata, remote)) {
            return false;
        }
    }
    return true;
}

static bool check_remote(void *userdata, const char *remote)
{
    char **bad = userdata;

    free(*bad);
    *bad = xstrdup(remote);
    return remote_target_dials(remote);
}

struct failure *upstream_check_source(const char *source)
{
    _cleanup_free_ char *last = NULL;

    if (visit_remotes(source, check_remote, &last) && last) {
        return NULL;
    }
    return failure_new(
        FAILURE_INVALID,
        "%s: not a server to connect to: unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT]",
        last ? last : source);
}

static bool add_remote(void *userdata, const char *remote)
{
    struct upstream *upstream = userdata;

    upstream->remotes =
        xreallocarray(upstream->remotes, upstream->n_remotes + 1, sizeof(*upstream->remotes));
    upstream->remotes[upstream->n_remotes++] = xstrdup(remote);
    return true;
}

static struct upstream *upstream_new(struct upstreams *upstreams, const char *source,
                                     const struct remote_options *options)
{
    static const struct net_handler handler = {
        .opened = on_opened,
        .message = on_message,
        .closed = on_closed,
        .gave_up = on_gave_up,
    };
    struct upstream *upstream = NEW(struct upstream);
    struct net_limits limits = NET_LIMITS_DEFAULT;

    upstream->upstreams = upstreams;
    upstream->list = xstrdup(source);
    upstream->options = *options;
    upstream->source = source_new(&source_handler, upstream, server_id(upstreams->server));
    visit_remotes(source, add_remote, upstream);
    assert(upstream->n_remotes);
    source_set_alternatives(upstream->source, upstream->n_remotes > 1);
    upstream->net = net_new(upstreams->event, &handler, upstream);
    limits.max_message = NET_LONGEST_MESSAGE;
    net_set_limits(upstream->net, &limits);
    net_share_tls(upstream->net, upstreams->clients_net);
    list_push_back(&upstreams->all, &upstream->node);
    return upstream;
}

static void upstream_free(struct upstream *upstream)
{
    assert(!upstream->n_replicas);
    list_remove(&upstream->node);
    net_free(TAKE_PTR(upstream->net)); // calls on_closed()
    assert(!upstream->connection);
    source_free(upstream->source);
    sd_event_source_disable_unref(upstream->dial);
    sd_event_source_disable_unref(upstream->retry);
    sd_event_source_disable_unref(upstream->run);
    sd_event_source_disable_unref(upstream->report_self);
    for (size_t i = 0; i < upstream->n_remotes; i++) {
        free(upstream->remotes[i]);
    }
    free(upstream->remotes);
    free(upstream->failure);
    free(upstream->list);
    free(upstream);
}

// A replica has left.
static void upstream_release(struct upstream *upstream)
{
    upstream->n_replicas--;
    if (!upstream->n_replicas) {
        upstream_free(upstream);
    }
}

static struct upstream *find_upstream(const struct upstreams *upstreams, const char *source,
                                      const struct remote_options *options)
{
    struct upstream *upstream;

    LIST_FOREACH (upstream, &upstreams->all, node) {
        if (!strcmp(upstream->list, source) && remote_options_equal(&upstream->options, options)) {
            return upstream;
        }
    }
    return NULL;
}

struct failure *upstream_join(struct upstreams *upstreams, const char *source,
                              const struct remote_options *options, struct replica *replica,
                              struct upstream **ret)
{
    struct upstream *upstream = find_upstream(upstreams, source, options);

    if (!upstream) {
        struct failure *failure;

        upstream = upstream_new(upstreams, source, options);
        failure = dial_current(upstream);
        if (failure) {
            upstream_free(upstream);
            return failure;
        }
    }
    upstream->n_replicas++;
    source_add(upstream->source, replica);
    *ret = upstream;
    return NULL;
}

void upstream_leave(struct upstream *upstream, struct replica *replica)
{
    assert(upstream->n_replicas);
    source_remove(upstream->source, replica);
    upstream_release(upstream);
}

void upstream_set_options(struct upstream *upstream, const struct remote_options *options)
{
    upstream->options = *options;
    if (upstream->remote) {
        struct remote_options of_remote = *options;

        of_remote.no_retry = upstream->n_remotes > 1;
        remote_set_options(upstream->remote, &of_remote);
    }
}

size_t upstream_n_replicas(const struct upstream *upstream)
{
    return upstream->n_replicas;
}

const char *upstream_failure(struct upstream *upstream)
{
    if (!upstream->connection && upstream->remote && upstream->n_remotes == 1) {
        struct remote_status status;

        remote_status(upstream->remote, &status);
        if (status.last_error[0]) {
            set_failure(upstream, status.last_error);
        }
    }
    return upstream->failure;
}

const char *upstream_remote(const struct upstream *upstream)
{
    return upstream->remotes[upstream->current];
}

uint64_t upstream_request(struct upstream *upstream, const char *method, struct slice params,
                          source_done *done, void *userdata)
{
    return source_request(upstream->source, method, params, done, userdata);
}

void upstream_cancel_there(struct upstream *upstream, uint64_t number)
{
    source_cancel_there(upstream->source, number);
}

void upstream_cancel(struct upstream *upstream, uint64_t number)
{
    source_cancel(upstream->source, number);
}
