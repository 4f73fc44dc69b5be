// SPDX-License-Identifier: Apache-2.0
// Inactivity probes: after an interval without a sign of life an echo request goes out; after
// another one of silence the connection is over. Input does not touch the timer: the timer looks,
// when it expires, how long it really was.
#include "net/internal.h"

#include "basic/counter.h"
#include "json/message.h"

#include <string.h>
#include <sys/socket.h>

COUNTER(probes_unanswered, "Connections ended because the peer did not answer a probe");

LOG_MODULE(net);

#define PROBE_ID      "\"echo\""
#define PROBE_REQUEST "{\"id\":" PROBE_ID ",\"method\":\"echo\",\"params\":[]}"
#define MAX_REPLY     256 // bytes; the reply to a probe is about 40

void probe_start(struct connection *connection)
{
    connection->probe_interval = remote_probe_interval(connection->remote);
    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    if (connection->probe_interval) {
        net_set_timer(connection->net, &connection->timer,
                      connection->last_sign + connection->probe_interval);
    } else {
        connection->probe_sent = 0;
        net_clear_timer(connection->net, &connection->timer);
    }
}

// Input that the loop was too busy to receive, or is not receiving because it has to wait for the
// disk, is a sign of life too. A paused peer whose input nobody wants must read.
static bool is_alive(const struct connection *connection)
{
    char byte;

    if (connection->is_paused) {
        return !connection->is_blocked;
    }
    return connection->scanned < connection->input.size ||
           recv(connection->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void probe_check(struct connection *connection, usec_t now)
{
    usec_t since = MAX(connection->last_sign, connection->probe_sent);

    if (now < since + connection->probe_interval) {
        net_set_timer(connection->net, &connection->timer, since + connection->probe_interval);
        return;
    }
    if (!connection->probe_sent) {
        connection->probe_sent = now;
        if (!connection->is_paused) {
            connection_send(connection, SLICE(PROBE_REQUEST), 0);
        }
    } else if (is_alive(connection)) {
        connection->probe_sent = 0;
        connection->last_sign = now;
    } else {
        _cleanup_free_ char *reason =
            xasprintf("no response to the inactivity probe after %g seconds",
                      (double)connection->probe_interval / USEC_PER_SEC);

        COUNT(probes_unanswered);
        connection_die(connection, LOG_LEVEL_WARN, reason);
        return;
    }
    net_set_timer(connection->net, &connection->timer, now + connection->probe_interval);
}

bool probe_is_reply(struct slice text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;

    if (text.size > MAX_REPLY || !memmem(text.data, text.size, PROBE_ID, strlen(PROBE_ID)) ||
        message_parse(text, &scratch, &message)) {
        return false;
    }
    return (message.type == MESSAGE_REPLY || message.type == MESSAGE_ERROR) &&
           slice_equals(message.id, SLICE(PROBE_ID));
}
