// SPDX-License-Identifier: Apache-2.0
// The dialect of ovs-appctl: {"id":N,"method":"COMMAND","params":["ARG",...]}. The result of the
// answer is the text to print; its error is the text for standard error.
#include "control/dialect.h"
#include "control/reply.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"
#include "json/message.h"
#include "json/tree.h"

struct appctl {
    bool is_json;
    struct framer framer;
    size_t seen;        // bytes of the current message, including the white space before it
    struct buf id;      // of the message decoded last, as JSON
    struct buf scratch; // strings of the message decoded last
};

static void *appctl_new(const struct command_registry *registry)
{
    struct appctl *appctl = NEW(struct appctl);

    framer_init(&appctl->framer, DIALECT_MAX_MESSAGE);
    return appctl;
}

static void appctl_free(void *state)
{
    struct appctl *appctl = state;

    buf_done(&appctl->id);
    buf_done(&appctl->scratch);
    free(appctl);
}

static enum dialect_status appctl_scan(void *state, struct slice unseen, size_t *ret_size,
                                       const char **ret_reason)
{
    struct appctl *appctl = state;
    size_t consumed;

    switch (framer_feed(&appctl->framer, unseen.data, unseen.size, &consumed)) {
    case FRAMER_MORE:
        appctl->seen += consumed;
        if (appctl->seen > DIALECT_MAX_MESSAGE) {
            *ret_reason = "too much white space";
            return DIALECT_ERROR;
        }
        return DIALECT_MORE;
    case FRAMER_DONE:
        *ret_size = appctl->seen + consumed;
        appctl->seen = 0;
        return DIALECT_MESSAGE;
    case FRAMER_ERROR:
        break;
    }
    *ret_reason = framer_error(&appctl->framer);
    return DIALECT_ERROR;
}

// Returns the string at the cursor (caller frees). NULL: the value is not a string.
static char *take_argument(struct cursor *cursor, struct buf *scratch)
{
    struct slice text;

    if (cursor_kind(cursor) != JSON_KIND_STRING) {
        return NULL;
    }
    text = cursor_string(cursor, scratch);
    return xstrndup(text.data, text.size);
}

static const char *decode_params(const struct message *message, char ***ret_argv)
{
    size_t n = json_count(message->params);
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    size_t argc = 0;
    char **argv;

    if (n > DIALECT_MAX_ARGS) {
        return "too many arguments";
    }
    argv = NEW_ARRAY(char *, n + 2);
    argv[argc++] = xstrndup(message->method.data, message->method.size);
    cursor_init(&cursor, message->params);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        argv[argc] = take_argument(&cursor, &scratch);
        if (!argv[argc++]) {
            command_argv_free(argv);
            return "every argument must be a string";
        }
    }
    *ret_argv = argv;
    return NULL;
}

static const char *appctl_decode(void *state, struct slice text, struct dialect_request *ret,
                                 struct buf *out)
{
    struct appctl *appctl = state;
    struct message message;
    const char *error;

    buf_clear(&appctl->scratch);
    error = message_parse(text, &appctl->scratch, &message);
    buf_clear(&appctl->id);
    if (error) {
        buf_puts(&appctl->id, "null");
        return error;
    }
    if (message.type != MESSAGE_REQUEST) {
        buf_puts(&appctl->id, "null");
        return "only requests are expected here";
    }
    buf_put_slice(&appctl->id, message.id);
    return decode_params(&message, &ret->argv);
}

// The client prints the text as it is. Adds a final line feed, unless the text is empty.
static void put_text(struct buf *value, const char *text)
{
    size_t size = strlen(text);
    _cleanup_buf_ struct buf lines = {0};

    buf_puts(&lines, text);
    if (size && text[size - 1] != '\n') {
        buf_putc(&lines, '\n');
    }
    emit_string(value, buf_slice(&lines));
}

// Puts the typed reply, as varlink has it. The text of a command without a type gets a wrapper.
static void put_json(struct buf *value, const char *text, json_t *reply)
{
    _cleanup_tree_ json_t *tree =
        reply ? json_incref(reply)
              : json_pack("{ssso}", "reply-format", "plain", "reply", reply_text(text));

    tree_put(value, tree);
}

static void appctl_set_json(void *state, bool on)
{
    struct appctl *appctl = state;

    appctl->is_json = on;
}

static void appctl_encode(void *state, enum command_outcome outcome, const char *text,
                          json_t *reply, bool continues, struct buf *out)
{
    struct appctl *appctl = state;
    _cleanup_buf_ struct buf value = {0};

    if (appctl->is_json && outcome == COMMAND_DONE) {
        put_json(&value, text, reply);
    } else {
        put_text(&value, text);
    }
    if (outcome != COMMAND_DONE) {
        message_put_error(out, buf_slice(&appctl->id), buf_slice(&value));
    } else {
        message_put_reply(out, buf_slice(&appctl->id), buf_slice(&value));
    }
}

const struct dialect dialect_appctl = {
    .name = "appctl",
    .state_new = appctl_new,
    .state_free = appctl_free,
    .scan = appctl_scan,
    .decode = appctl_decode,
    .encode = appctl_encode,
    .set_json = appctl_set_json,
};
