// SPDX-License-Identifier: Apache-2.0
#include "script_runner.h"

#include "schema_file.h"
#include "json/cursor.h"
#include "json/emit.h"

static void sink_send(void *userdata, struct slice text, struct position position)
{
    struct client *client = userdata;

    for (size_t i = 0; position.value; i++) {
        struct position *last = &client->waits[i];

        assert_true(i < RUNNER_DBS);
        if (!last->log || last->log == position.log) {
            assert_true(position.value >= last->value);
            *last = position;
            break;
        }
    }
    buf_put_slice(&client->output, text);
}

static void sink_send_shared(void *userdata, struct text *text, struct position position)
{
    sink_send(userdata, text_slice(text), position);
}

static size_t sink_backlog(void *userdata)
{
    const struct client *client = userdata;

    return client->backlog;
}

static void sink_hold(void *userdata, bool on)
{
    struct client *client = userdata;

    assert_int_not_equal(client->is_held, on);
    client->is_held = on;
}

static void sink_close(void *userdata, const char *reason)
{
    struct client *client = userdata;

    assert_false(*client->close_reason);
    snprintf(client->close_reason, sizeof(client->close_reason), "%s", reason);
}

static const struct session_sink sink = {
    .send = sink_send,
    .send_shared = sink_send_shared,
    .backlog = sink_backlog,
    .hold = sink_hold,
    .close = sink_close,
};

static uint64_t n_uuids; // made since runner_init()

// UUIDs that are the same in each run: 1, 2, 3, ...
static struct uuid next_uuid(void)
{
    return (struct uuid){0, ++n_uuids};
}

void runner_init(struct script_runner *runner)
{
    n_uuids = 0;
    *runner = (struct script_runner){.now = USEC_PER_SEC};
    runner->server = server_new(next_uuid);
    runner_add_db(runner, "shop");
}

void runner_done(struct script_runner *runner)
{
    for (size_t i = 0; i < RUNNER_CLIENTS; i++) {
        if (runner->clients[i].session) {
            runner_close(runner, (char)('A' + i));
        }
    }
    server_free(runner->server);
    buf_done(&runner->source.output);
    for (size_t i = 0; i < runner->n_dbs; i++) {
        db_free(runner->dbs[i]);
    }
}

void runner_add_db(struct script_runner *runner, const char *name)
{
    _cleanup_schema_ struct schema *schema = schema_of_file_named("session/shop.ovsschema", name);

    runner->dbs[runner->n_dbs] = db_new(schema, uuid_random);
    assert_int_equal(server_add_db(runner->server, runner->dbs[runner->n_dbs]), 0);
    runner->n_dbs++;
}

void runner_remove_db(struct script_runner *runner, const char *name)
{
    struct db *db = server_find_db(runner->server, slice_of(name));
    size_t i = 0;

    assert_non_null(db);
    server_remove_db(runner->server, db);
    while (runner->dbs[i] != db) {
        i++;
    }
    runner->dbs[i] = runner->dbs[--runner->n_dbs];
    db_free(db);
}

static struct positions *positions_of(const struct script_runner *runner, const char *name)
{
    const struct db *db = server_find_db(runner->server, slice_of(name));

    assert_non_null(db);
    return db_last_position(db).log;
}

void runner_set_position(struct script_runner *runner, const char *name, uint64_t value)
{
    positions_of(runner, name)->issued = value;
}

uint64_t runner_waits(const struct script_runner *runner, char letter, const char *name)
{
    const struct client *client = &runner->clients[letter - 'A'];

    for (size_t i = 0; i < RUNNER_DBS; i++) {
        if (client->waits[i].log == positions_of(runner, name)) {
            return client->waits[i].value;
        }
    }
    return 0;
}

static void *source_forward(void *userdata, const char *method, struct slice params,
                            struct trigger *trigger)
{
    struct script_runner *runner = userdata;
    size_t id = runner->n_forwarded++;

    assert_true(id < RUNNER_SENT);
    runner->forwarded[id] = trigger;
    buf_printf(&runner->source.output, "{\"id\":%zu,\"method\":\"%s\",\"params\":" SLICE_FORMAT "}",
               id, method, SLICE_ARGS(params));
    return &runner->forwarded[id];
}

static void source_cancel(void *userdata, void *request)
{
    struct script_runner *runner = userdata;
    struct trigger **forwarded = request;

    assert_non_null(*forwarded);
    buf_printf(&runner->source.output, "{\"cancel\":%td}", forwarded - runner->forwarded);
}

static void source_drop(void *userdata, void *request)
{
    struct script_runner *runner = userdata;
    struct trigger **forwarded = request;

    assert_non_null(*forwarded);
    *forwarded = NULL;
    buf_printf(&runner->source.output, "{\"drop\":%td}", forwarded - runner->forwarded);
}

void runner_make_relay(struct script_runner *runner, bool is_relay)
{
    static const struct forwarder forwarder = {source_forward, source_cancel, source_drop};
    struct db *db = server_find_db(runner->server, SLICE("shop"));

    server_set_forwarder(runner->server, db, is_relay ? &forwarder : NULL, runner);
}

void runner_reply(struct script_runner *runner, const char *text)
{
    struct slice message, result, error;
    uint64_t id;

    assert_null(framer_check(slice_of(text), SIZE_MAX, &message, NULL));
    assert_true(json_read_count(json_member(message, "id"), &id) && id < runner->n_forwarded);
    assert_non_null(runner->forwarded[id]);
    result = json_member(message, "result");
    error = json_member(message, "error");
    server_forwarded(TAKE_PTR(runner->forwarded[id]),
                     result.data  ? FORWARDED_RESULT
                     : error.data ? FORWARDED_ERROR
                                  : FORWARDED_LOST,
                     result.data ? result : error);
}

struct client *runner_open(struct script_runner *runner, char letter, const char *option)
{
    char name[] = {letter, '\0'};
    const struct session_options options = {
        .name = name,
        .read_only = !strcmp(option, "ro"),
        .role = !strcmp(option, "role") ? "keeper" : NULL,
    };

    return runner_open_with(runner, letter, &options);
}

struct client *runner_open_with(struct script_runner *runner, char letter,
                                const struct session_options *options)
{
    struct client *client = &runner->clients[letter - 'A'];

    assert_null(client->session);
    *client = (struct client){0};
    client->session = session_new(runner->server, &sink, client, options);
    return client;
}

void runner_close(struct script_runner *runner, char letter)
{
    struct client *client = &runner->clients[letter - 'A'];

    session_free(TAKE_PTR(client->session));
    buf_done(&client->output);
}

void runner_send(struct script_runner *runner, char letter, const char *text)
{
    struct slice value;
    const char *error = framer_check(slice_of(text), SIZE_MAX, &value, NULL);

    if (error) {
        fail_msg("%s: %s", error, text);
    }
    assert_false(runner->clients[letter - 'A'].is_held);
    session_receive(runner->clients[letter - 'A'].session, value, runner->now);
}

// Replaces random UUIDs by "?". Those whose first eight digits are equal come from the test.
static void mask_uuids(char *text)
{
    char *to = text;

    for (char *p = text; *p;) {
        struct uuid uuid;

        if (strnlen(p, UUID_LEN) == UUID_LEN && uuid_parse((struct slice){p, UUID_LEN}, &uuid) &&
            strspn(p, (char[]){*p, '\0'}) < 8) {
            *to++ = '?';
            p += UUID_LEN;
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
}

char *runner_take(struct script_runner *runner, char letter)
{
    struct client *client = letter == 'S' ? &runner->source : &runner->clients[letter - 'A'];
    struct framer framer;
    struct buf text = {0};
    size_t consumed;
    char *result;

    if (!client->output.size) {
        return NULL;
    }
    framer_init(&framer, SIZE_MAX);
    assert_int_equal(framer_feed(&framer, client->output.data, client->output.size, &consumed),
                     FRAMER_DONE);
    emit_canonical(&text, (struct slice){client->output.data, consumed});
    buf_consume(&client->output, consumed);
    result = buf_steal(&text);
    mask_uuids(result);
    return result;
}
