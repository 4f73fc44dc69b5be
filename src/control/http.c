// SPDX-License-Identifier: Apache-2.0
// The part of HTTP/1.1 that a scraper of metrics needs: GET or HEAD of /metrics. The answer is the
// output of the command "metrics", in the format that the Accept field selects. The connection is
// closed after one answer. A client that sends or reads slowly is disconnected. Other header fields
// and a body are ignored.
#include "control/accept.h"
#include "control/call.h"
#include "control/dialect.h"

#include <assert.h>
#include <string.h>

#define MAX_REQUEST  8192
#define PATIENCE     (10 * USEC_PER_SEC)
#define OPENMETRICS  "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define CLASSIC_TEXT "text/plain; version=0.0.4; charset=utf-8"

struct http {
    size_t seen;    // bytes of the request
    size_t matched; // how many bytes of the "\r\n\r\n" that ends it have been found
    bool is_head;
    bool is_openmetrics; // the format of the answer
};

static void *http_new(const struct command_registry *registry)
{
    return NEW(struct http);
}

static enum dialect_status http_scan(void *state, struct slice unseen, size_t *ret_size,
                                     const char **ret_reason)
{
    static const char end[] = "\r\n\r\n";
    struct http *http = state;

    for (size_t i = 0; i < unseen.size; i++) {
        char c = unseen.data[i];

        http->seen++;
        http->matched = c == end[http->matched] ? http->matched + 1 : c == '\r';
        if (!end[http->matched]) {
            *ret_size = http->seen;
            return DIALECT_MESSAGE;
        }
        if (http->seen >= MAX_REQUEST) {
            *ret_reason = "the request is too long";
            return DIALECT_ERROR;
        }
    }
    return DIALECT_MORE;
}

static void put_response(const struct http *http, struct buf *out, const char *status,
                         const char *headers, const char *body)
{
    buf_printf(out, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
               headers, strlen(body));
    if (!http->is_head) {
        buf_puts(out, body);
    }
}

static void put_refusal(const struct http *http, struct buf *out, const char *status,
                        const char *headers)
{
    _cleanup_free_ char *body = xasprintf("%s\n", status);
    _cleanup_free_ char *all = xasprintf("Content-Type: text/plain\r\n%s", headers);

    put_response(http, out, status, all, body);
}

// Removes the part before the first blank from `text`, and the blank. Returns the part.
static struct slice take_word(struct slice *text)
{
    const char *blank = memchr(text->data, ' ', text->size);
    size_t size = blank ? (size_t)(blank - text->data) : text->size;
    struct slice word = {text->data, size};
    size_t used = blank ? size + 1 : size;

    *text = (struct slice){text->data + used, text->size - used};
    return word;
}

// True for "/metrics", with or without a query.
static bool is_metrics(struct slice target)
{
    const char *query = memchr(target.data, '?', target.size);

    if (query) {
        target.size = (size_t)(query - target.data);
    }
    return slice_is(target, "/metrics");
}

static char **metrics_argv(bool is_openmetrics)
{
    char **argv = NEW_ARRAY(char *, 3);

    argv[0] = xstrdup("metrics");
    argv[1] = xstrdup(is_openmetrics ? "openmetrics" : "text");
    return argv;
}

static const char *http_decode(void *state, struct slice message, struct dialect_request *ret,
                               struct buf *out)
{
    struct http *http = state;
    const char *end = memchr(message.data, '\r', message.size); // http_scan() has found one
    struct slice line = {message.data, (size_t)(end - message.data)};
    struct slice method = take_word(&line);
    struct slice target = take_word(&line);

    assert(end);
    http->is_head = slice_is(method, "HEAD");
    if (!slice_is(line, "HTTP/1.1") && !slice_is(line, "HTTP/1.0")) {
        put_refusal(http, out, "400 Bad Request", "");
    } else if (!is_metrics(target)) {
        put_refusal(http, out, "404 Not Found", "");
    } else if (!slice_is(method, "GET") && !http->is_head) {
        put_refusal(http, out, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    } else {
        http->is_openmetrics = accept_wants_openmetrics(message);
        ret->argv = metrics_argv(http->is_openmetrics);
    }
    return NULL;
}

static void http_encode(void *state, enum command_outcome outcome, const char *text, json_t *reply,
                        bool continues, struct buf *out)
{
    const struct http *http = state;

    if (outcome == COMMAND_DONE) {
        put_response(http, out, "200 OK",
                     http->is_openmetrics ? "Content-Type: " OPENMETRICS "\r\nVary: Accept\r\n"
                                          : "Content-Type: " CLASSIC_TEXT "\r\nVary: Accept\r\n",
                     text);
    } else {
        put_refusal(state, out, "500 Internal Server Error", "");
    }
}

const struct dialect dialect_http = {
    .name = "HTTP",
    .patience = PATIENCE,
    .is_one_shot = true,
    .state_new = http_new,
    .state_free = free,
    .scan = http_scan,
    .decode = http_decode,
    .encode = http_encode,
};
