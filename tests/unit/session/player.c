// SPDX-License-Identifier: Apache-2.0
#include "player.h"

#include "json/emit.h"

static const char schema_text[] =
    "{\"name\":\"%s\",\"version\":\"1.0.0\",\"tables\":{"
    "\"Item\":{\"isRoot\":true,\"columns\":{"
    "\"name\":{\"type\":\"string\"},"
    "\"count\":{\"type\":\"integer\"},"
    "\"tags\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}},"
    "\"options\":{\"type\":{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":"
    "\"unlimited\"}},"
    "\"parts\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"Part\"},\"min\":0,\"max\":"
    "\"unlimited\"}},"
    "\"note\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":1},\"ephemeral\":true}},"
    "\"indexes\":[[\"name\"]]},"
    "\"Part\":{\"columns\":{\"size\":{\"type\":\"integer\"}}},"
    "\"Other\":{\"isRoot\":true,\"columns\":{\"x\":{\"type\":\"integer\"}}}}}";

static void sink_send(void *userdata, struct slice text, uint64_t ticket)
{
    struct client *client = userdata;

    assert_true(!ticket || ticket >= client->last_ticket); // 0: nothing to wait for
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
    const struct player *player = userdata;

    return player->ticket;
}

void player_init(struct player *player)
{
    *player = (struct player){.now = USEC_PER_SEC};
    player->server = server_new(last_ticket, player);
    player_add_db(player, "shop");
}

void player_done(struct player *player)
{
    for (size_t i = 0; i < PLAYER_CLIENTS; i++) {
        if (player->clients[i].session) {
            player_close(player, (char)('A' + i));
        }
    }
    server_free(player->server);
    for (size_t i = 0; i < player->n_dbs; i++) {
        db_free(player->dbs[i]);
    }
}

void player_add_db(struct player *player, const char *name)
{
    _cleanup_free_ char *text = xasprintf(schema_text, name);
    _cleanup_schema_ struct schema *schema = NULL;

    assert_null(schema_from_text(slice_of(text), &schema));
    player->dbs[player->n_dbs] = db_new(schema);
    assert_int_equal(server_add_db(player->server, player->dbs[player->n_dbs]), 0);
    player->n_dbs++;
}

void player_remove_db(struct player *player, const char *name)
{
    struct db *db = server_find_db(player->server, slice_of(name));
    size_t i = 0;

    assert_non_null(db);
    server_remove_db(player->server, db);
    while (player->dbs[i] != db) {
        i++;
    }
    player->dbs[i] = player->dbs[--player->n_dbs];
    db_free(db);
}

struct client *player_open(struct player *player, char letter, bool read_only)
{
    struct client *client = &player->clients[letter - 'A'];
    char name[] = {letter, '\0'};
    const struct session_options options = {.name = name, .read_only = read_only};

    assert_null(client->session);
    *client = (struct client){0};
    client->session = session_new(player->server, &sink, client, &options);
    return client;
}

void player_close(struct player *player, char letter)
{
    struct client *client = &player->clients[letter - 'A'];

    session_free(TAKE_PTR(client->session));
    buf_done(&client->output);
}

void player_send(struct player *player, char letter, const char *text)
{
    struct slice value;
    const char *error = framer_check(slice_of(text), SIZE_MAX, &value, NULL);

    if (error) {
        fail_msg("%s: %s", error, text);
    }
    assert_false(player->clients[letter - 'A'].is_held);
    session_receive(player->clients[letter - 'A'].session, value, player->now);
}

// Replaces what is random: "?" for a UUID, unless its first eight digits are the same.
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

char *player_take(struct player *player, char letter)
{
    struct client *client = &player->clients[letter - 'A'];
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
