// SPDX-License-Identifier: Apache-2.0
// A blocking JSON-RPC client: it connects, sends a request, and runs the event loop until the reply
// has arrived. Notifications that arrive meanwhile are queued; echo requests of the server are
// replied to. If the server cannot be reached or closes the connection, the program ends with a
// message (tool_fail()).
#pragma once

#include "basic/uuid.h"
#include "json/message.h"

#include <systemd/sd-event.h>

struct client;

enum client_retry {
    CLIENT_NO_RETRY, // a server that cannot be reached ends the program
    CLIENT_RETRY,    // connects again until it succeeds, also after a connection was lost
};

struct tls_options; // net/tls/options.h

// Connects to the first of `servers` that can be reached. `servers` is a list, separated by commas,
// of "unix:FILE", "tcp:HOST:PORT" and "ssl:HOST:PORT", and optionally "cid:UUID" for the required
// cluster; or one of "punix:FILE", "ptcp:PORT" and "pssl:PORT", to wait for a connection from the
// server. `tls` is used only for "ssl:" and "pssl:".
struct client *client_open(const char *servers, const struct tls_options *tls,
                           enum client_retry retry);
// Disconnects because of `reason` and connects to the next server. After the last server the
// program ends with all the reasons; with CLIENT_RETRY the first server follows. False:
// client_stop() was called.
bool client_next_server(struct client *client, const char *reason);
// Keeps the current server: from now on the loss of the connection ends the program instead of
// returning CLIENT_LOST. Has no effect with CLIENT_RETRY.
void client_stay(struct client *client);
size_t client_n_servers(const struct client *client);
size_t client_server_index(const struct client *client);     // the current server
const char *client_server(const struct client *client);      // its target
const char *client_lost_reason(const struct client *client); // after CLIENT_LOST
// The required cluster of "cid:". False: there is none.
bool client_cluster(const struct client *client, struct uuid *ret);
// Whether `text` is a valid argument of client_open().
bool client_servers_are_valid(const char *text);
void client_close(struct client *client);      // NULL allowed
sd_event *client_event(struct client *client); // borrowed; runs inside the calls below

enum client_result {
    CLIENT_RESULT, // ret: the reply's result
    CLIENT_ERROR,  // ret: its error
    // With CLIENT_RETRY or before client_stay(): the connection was lost. The server may have
    // executed the request.
    CLIENT_LOST,
    CLIENT_STOPPED, // client_stop() was called
};

// Sends a request and waits for its reply. `params` is JSON text. *ret (emptied first) gets JSON
// text.
enum client_result client_call(struct client *client, const char *method, struct slice params,
                               struct buf *ret);
// The same; an error ends the program. False: client_stop() was called. Call client_stay()
// first.
bool client_call_or_fail(struct client *client, const char *method, struct slice params,
                         struct buf *ret);
// Switches the progress bar for sent and received data (progress_bar.h) on or off.
void client_show_progress(struct client *client, bool on);
// Sends a request. client_next() returns the reply.
void client_send(struct client *client, const char *method, struct slice params);
// Waits for the next message other than an echo. *ret points into `text` (emptied first). False:
// client_stop() was called.
bool client_next(struct client *client, struct buf *text, struct message *ret);
// Makes the running or the next call return soon. For callbacks of client_event().
void client_stop(struct client *client);
// Sets a function that the next client_call() calls when its request has been sent completely.
void client_on_sent(struct client *client, void (*sent)(void *userdata), void *userdata);
// Sets a function that the calls above call after client_stop(), before they return.
void client_on_stop(struct client *client, void (*stopped)(void *userdata), void *userdata);
// Handles a TLS option of getopt_long(). False: `c` is none. Ends the program with a message if its
// argument is wrong.
bool client_handle_tls_option(struct tls_options *tls, int c);
