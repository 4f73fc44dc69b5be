// SPDX-License-Identifier: Apache-2.0
#include "script_runner.h"

#include "schema_file.h"
#include "json/emit.h"

static void sink_send(void *userdata, struct slice text, uint64_t ticket)
{
    struct client *client = userdata;

    assert_true(!ticket || ticket >= client->last_ticket); // 0: it need not wait
    client->last_ticket = MAX(ticket, client->last_ticket);
    buf_put_slice(&client->output, text);
}

static void sink_send_shared(void *userdata, struct text *text, uint64_t ticket)
{
    sink_send(userdata, text_slice(text), ticket);
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

static uint64_t last_ticket(void *userdata)
{
    const struct script_runner *runner = userdata;

    return runner->ticket;
}

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
    runner->server = server_new(last_ticket, runner, next_uuid);
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

struct client *runner_open(struct script_runner *runner, char letter, bool read_only)
{
    char name[] = {letter, '\0'};
    const struct session_options options = {.name = name, .read_only = read_only};

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
    struct client *client = &runner->clients[letter - 'A'];
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
