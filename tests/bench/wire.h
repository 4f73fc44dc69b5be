// SPDX-License-Identifier: Apache-2.0
/*
 * The client side of a benchmark: connections that are cheap enough not to be what is measured.
 *
 * A client never parses a reply. It counts messages by their brackets, looks for the text of an
 * error, and may look for one marker; the bytes are then forgotten.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* A growing string. */
struct text {
    char *data;
    size_t length;
    size_t size;
};

void text_append(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_done(struct text *text);

/* Counts the JSON values that are complete in a stream of undelimited ones. */
struct framer {
    unsigned depth;
    bool in_string;
    bool escaped;
};

/* Feeds size bytes, returns how many values ended in them. */
uint64_t framer_feed(struct framer *framer, const char *data, size_t size);

struct client;

/* Appends request number index (0, 1, ...) of this client to out. */
typedef void request_writer(struct client *client, uint64_t index, struct text *out);

/* One connection: sends quota requests, never more than window unanswered; with a marker, it is
 * also not finished before the marker was received n_markers times. */
struct client {
    int fd;
    gnutls_session_t session; /* NULL: without TLS */
    uint32_t interest;
    request_writer *write;
    const void *aux;
    unsigned number;
    uint64_t quota;
    uint64_t window;
    uint64_t sent;
    uint64_t received;
    uint64_t n_bytes;
    uint64_t sent_at;    /* of the last request */
    uint64_t *latencies; /* ns, one per request; NULL: not measured */
    const char *marker;
    uint64_t n_markers;
    struct text out;
    size_t out_position;
    struct framer framer;
    char tail[64];
    size_t tail_length;
};

uint64_t clock_ns(clockid_t clock);

/* Connects n clients to a Unix socket, or to "ssl:..." (see secure.h); ends the program if one
 * cannot. */
struct client *clients_connect(const char *target, size_t n);
void clients_free(struct client *clients, size_t n);

/* Runs until every client is finished; ends the program with a message if the server closes a
 * connection, answers with an error, or is silent for 120 seconds. */
void clients_run(struct client *clients, size_t n);

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);
