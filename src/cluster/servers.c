// SPDX-License-Identifier: Apache-2.0
#include "cluster/servers.h"

#include "cluster/fields.h"
#include "json/cursor.h"
#include "json/emit.h"

// The position of the first member whose id is not less than `id`.
static size_t find_position(const struct servers *servers, struct uuid id)
{
    size_t i = 0;

    while (i < servers->n && uuid_compare(servers->list[i].id, id) < 0) {
        i++;
    }
    return i;
}

const struct cluster_server *servers_find(const struct servers *servers, struct uuid id)
{
    size_t i = find_position(servers, id);

    return i < servers->n && uuid_equals(servers->list[i].id, id) ? &servers->list[i] : NULL;
}

void servers_add(struct servers *servers, struct uuid id, const char *address)
{
    size_t i = find_position(servers, id);

    assert(*address && !uuid_is_zero(id));
    if (i < servers->n && uuid_equals(servers->list[i].id, id)) {
        free(servers->list[i].address);
        servers->list[i].address = xstrdup(address);
        return;
    }
    servers->list = xreallocarray(servers->list, servers->n + 1, sizeof(*servers->list));
    memmove(servers->list + i + 1, servers->list + i, (servers->n - i) * sizeof(*servers->list));
    servers->list[i] = (struct cluster_server){id, xstrdup(address)};
    servers->n++;
}

struct servers servers_copy(const struct servers *servers)
{
    struct servers copy = {.list = NEW_ARRAY(struct cluster_server, servers->n), .n = servers->n};

    for (size_t i = 0; i < copy.n; i++) {
        copy.list[i] =
            (struct cluster_server){servers->list[i].id, xstrdup(servers->list[i].address)};
    }
    return copy;
}

// True if another server's id begins as `id`. The consensus tells servers apart by this half.
static bool has_first_half(const struct servers *servers, struct uuid id)
{
    for (size_t i = 0; i < servers->n; i++) {
        if (servers->list[i].id.hi == id.hi && servers->list[i].id.lo != id.lo) {
            return true;
        }
    }
    return false;
}

static struct ovsdb_error *decode_server(struct cursor *cursor, struct servers *servers)
{
    _cleanup_buf_ struct buf scratch = {0};
    _cleanup_free_ char *address = NULL;
    struct slice key = cursor_name(cursor, &scratch);
    struct uuid id;

    if (!uuid_parse(key, &id) || !id.hi) {
        return error_new(ERROR_SYNTAX, "\"" SLICE_FORMAT "\" is no server ID", SLICE_ARGS(key));
    }
    if (has_first_half(servers, id)) {
        return error_new(ERROR_SYNTAX, "server " SLICE_FORMAT " shares its first half with another",
                         SLICE_ARGS(key));
    }
    address = field_text(cursor_skip(cursor));
    if (!address) {
        char id_text[UUID_TEXT_SIZE];

        return error_new(ERROR_SYNTAX, "the address of server %s must be a non-empty string",
                         uuid_text(id, id_text));
    }
    servers_add(servers, id, address);
    return NULL;
}

struct ovsdb_error *servers_decode(struct slice json, struct servers *ret)
{
    struct servers servers = {0};
    struct ovsdb_error *error = NULL;
    struct cursor cursor;

    cursor_init(&cursor, json);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return error_syntax(json, "an object is expected");
    }
    for (bool more = cursor_enter(&cursor); more && !error; more = !error && cursor_more(&cursor)) {
        error = decode_server(&cursor, &servers);
    }
    if (!error && !servers.n) {
        error = error_syntax(json, "at least one server is expected");
    }
    if (error) {
        servers_done(&servers);
        return error;
    }
    *ret = servers;
    return NULL;
}

void servers_put(struct buf *buf, const struct servers *servers)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < servers->n; i++) {
        char text[UUID_TEXT_SIZE];

        emit_name(buf, slice_of(uuid_text(servers->list[i].id, text)));
        emit_string(buf, slice_of(servers->list[i].address));
    }
    buf_putc(buf, '}');
}

bool servers_equal(const struct servers *a, const struct servers *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!uuid_equals(a->list[i].id, b->list[i].id) ||
            strcmp(a->list[i].address, b->list[i].address) != 0) {
            return false;
        }
    }
    return true;
}

void servers_done(struct servers *servers)
{
    for (size_t i = 0; i < servers->n; i++) {
        free(servers->list[i].address);
    }
    free(servers->list);
    *servers = (struct servers){0};
}
