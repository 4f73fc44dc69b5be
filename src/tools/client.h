// SPDX-License-Identifier: Apache-2.0
// A JSON-RPC client for programs that do one thing after another: it dials, sends a request, and
// runs the event loop until the reply is there. What arrives in between (notifications) waits its
// turn; the server's echo requests are answered. It ends the program with a message when the server
// cannot be reached or goes away (tool_fail()).
#pragma once

#include "json/message.h"

#include <systemd/sd-event.h>

struct client;

enum client_retry {
    CLIENT_NO_RETRY, // a server that cannot be reached is a failure
    CLIENT_RETRY,    // dials again and again; so does a connection that was lost: see client_call()
};

struct tls_options; // net/tls_options.h

// Connects to `server` ("unix:FILE", "tcp:HOST:PORT", "ssl:HOST:PORT"), or waits for it to connect
// ("punix:FILE", "ptcp:PORT", "pssl:PORT"). `tls` is looked at for TLS only.
struct client *client_open(const char *server, const struct tls_options *tls,
                           enum client_retry retry);
void client_close(struct client *client);      // NULL allowed
sd_event *client_event(struct client *client); // borrowed; runs inside the calls below

enum client_result {
    CLIENT_RESULT, // ret: the reply's result
    CLIENT_ERROR,  // ret: its error
    CLIENT_LOST,   // with CLIENT_RETRY only: the connection was lost; the request may have been run
    CLIENT_STOPPED, // client_stop() was called
};

// Sends a request and waits for its reply. `params` is JSON text. *ret (emptied first) gets JSON
// text.
enum client_result client_call(struct client *client, const char *method, struct slice params,
                               struct buf *ret);
// The same; an error ends the program. False: client_stop() was called. Not for CLIENT_RETRY.
bool client_call_or_fail(struct client *client, const char *method, struct slice params,
                         struct buf *ret);
// Sends a request whose reply comes back through client_next().
void client_send(struct client *client, const char *method, struct slice params);
// Waits for the next message that is no echo. *ret points into `text` (emptied first). False:
// client_stop() was called.
bool client_next(struct client *client, struct buf *text, struct message *ret);
// Makes the running call, or the next one, return soon. For callbacks on client_event().
void client_stop(struct client *client);
