// SPDX-License-Identifier: Apache-2.0
// The client side of the control socket, for programs that run one command.
#include "control/control.h"
#include "net/socket_file.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"
#include "json/message.h"

#include <errno.h>
#include <sys/socket.h>

#define MAX_REPLY (256u * 1024 * 1024)

void control_put_params(struct buf *buf, int n_args, char **args)
{
    buf_putc(buf, '[');
    for (int i = 0; i < n_args; i++) {
        emit_next(buf);
        emit_string(buf, slice_of(args[i]));
    }
    buf_putc(buf, ']');
}

static void put_request(struct buf *buf, const char *command, int n_args, char **args)
{
    _cleanup_buf_ struct buf params = {0};

    control_put_params(&params, n_args, args);
    message_put_request(buf, slice_of(command), buf_slice(&params), SLICE("0"));
}

static int send_all(int fd, const struct buf *buf)
{
    for (size_t sent = 0; sent < buf->size;) {
        ssize_t n = send(fd, buf->data + sent, buf->size - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

// Receives one JSON value into `buf`.
static int receive_value(int fd, struct buf *buf)
{
    struct framer framer;
    enum framer_status status = FRAMER_MORE;
    int r = 0;

    framer_init(&framer, MAX_REPLY);
    while (status == FRAMER_MORE && !r) {
        char *where = buf_reserve(buf, 65536);
        ssize_t n = recv(fd, where, 65536, 0);
        size_t consumed;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            r = n < 0 ? -errno : -ECONNRESET;
            break;
        }
        status = framer_feed(&framer, where, (size_t)n, &consumed);
        buf->size += consumed;
    }
    return status == FRAMER_ERROR ? -EPROTO : r;
}

char *control_text_of(struct slice value, bool as_json)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    struct slice text = value;

    if (json_kind_of(value) == JSON_KIND_NULL && !as_json) {
        return xstrdup("");
    }
    if (json_kind_of(value) == JSON_KIND_STRING && !as_json) {
        cursor_init(&cursor, value);
        text = cursor_string(&cursor, &scratch);
    }
    return xstrndup(text.data, text.size);
}

// Runs one command on a connection.
static int run_command(int fd, bool as_json, const char *command, int n_args, char **args,
                       char **ret_text)
{
    _cleanup_buf_ struct buf request = {0};
    _cleanup_buf_ struct buf reply = {0};
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;
    int r;

    put_request(&request, command, n_args, args);
    r = send_all(fd, &request);
    if (!r) {
        r = receive_value(fd, &reply);
    }
    if (r < 0) {
        return r;
    }
    if (message_parse(buf_slice(&reply), &scratch, &message) ||
        (message.type != MESSAGE_REPLY && message.type != MESSAGE_ERROR)) {
        return -EPROTO;
    }
    *ret_text = message.type == MESSAGE_ERROR ? control_text_of(message.error, false)
                                              : control_text_of(message.result, as_json);
    return message.type == MESSAGE_ERROR;
}

int control_call(const char *path, bool as_json, const char *command, int n_args, char **args,
                 char **ret_text)
{
    char *json_options[] = {(char[]){"--format"}, (char[]){"json"}};
    _cleanup_close_ int fd = socket_file_connect(path);
    char *text = NULL;
    int r = MIN(fd, 0);

    if (!r && as_json) {
        r = run_command(fd, false, "set-options", ARRAY_SIZE(json_options), json_options, &text);
    }
    if (!r) {
        free(text);
        return run_command(fd, as_json, command, n_args, args, ret_text);
    }
    if (r > 0) {
        *ret_text = text;
    }
    return r;
}
