// SPDX-License-Identifier: Apache-2.0
// A JSON-RPC client for programs that do one thing after another: it dials, sends a request, and
// runs the event loop until the reply is there. What arrives in between (notifications) waits its
// turn; the server's echo requests are answered. It ends the program with a message when the server
// cannot be reached or goes away (tool_fail()).
#pragma once

#include "basic/uuid.h"
#include "json/message.h"

#include <systemd/sd-event.h>

struct client;

enum client_retry {
    CLIENT_NO_RETRY, // a server that cannot be reached is a failure
    CLIENT_RETRY,    // dials again and again; so does a connection that was lost: see client_call()
};

struct tls_options; // net/tls/options.h

// Connects to the first of `servers` that can be reached. They are "unix:FILE", "tcp:HOST:PORT" and
// "ssl:HOST:PORT" with commas between them, and "cid:UUID" for the cluster that is wanted; or one
// of "punix:FILE", "ptcp:PORT" and "pssl:PORT", to wait for the server to connect. `tls` is looked
// at for TLS only.
struct client *client_open(const char *servers, const struct tls_options *tls,
                           enum client_retry retry);
// Goes to the next server because of `reason`. Without CLIENT_RETRY the program ends with all the
// reasons if there is no further one; with it the first follows the last. False: client_stop() was
// called.
bool client_next_server(struct client *client, const char *reason);
// From now on a connection that is lost ends the program, see CLIENT_LOST. Not for CLIENT_RETRY.
void client_stay(struct client *client);
size_t client_n_servers(const struct client *client);
size_t client_server_index(const struct client *client);     // of the one it is with
const char *client_server(const struct client *client);      // the same as text
const char *client_lost_reason(const struct client *client); // after CLIENT_LOST
// The cluster that is wanted; false: any server will do.
bool client_cluster(const struct client *client, struct uuid *ret);
// Is `text` what client_open() takes?
bool client_servers_are_valid(const char *text);
void client_close(struct client *client);      // NULL allowed
sd_event *client_event(struct client *client); // borrowed; runs inside the calls below

enum client_result {
    CLIENT_RESULT, // ret: the reply's result
    CLIENT_ERROR,  // ret: its error
    // With CLIENT_RETRY or before client_stay(): the connection was lost; the request may have been
    // run.
    CLIENT_LOST,
    CLIENT_STOPPED, // client_stop() was called
};

// Sends a request and waits for its reply. `params` is JSON text. *ret (emptied first) gets JSON
// text.
enum client_result client_call(struct client *client, const char *method, struct slice params,
                               struct buf *ret);
// The same; an error ends the program. False: client_stop() was called. After client_stay().
bool client_call_or_fail(struct client *client, const char *method, struct slice params,
                         struct buf *ret);
// From now on shows on standard error what is sent and received (see progress_bar.h), or no longer.
void client_show_progress(struct client *client, bool on);
// Sends a request whose reply comes back through client_next().
void client_send(struct client *client, const char *method, struct slice params);
// Waits for the next message that is no echo. *ret points into `text` (emptied first). False:
// client_stop() was called.
bool client_next(struct client *client, struct buf *text, struct message *ret);
// Makes the running call, or the next one, return soon. For callbacks on client_event().
void client_stop(struct client *client);
// The next client_call() calls `sent` when its request has left, before it waits for the reply.
void client_on_sent(struct client *client, void (*sent)(void *userdata), void *userdata);
// What the calls above do after client_stop() instead of returning.
void client_on_stop(struct client *client, void (*stopped)(void *userdata), void *userdata);
