// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-top/view.h"

#include "control/reply_table.h"

#include <assert.h>
#include <string.h>

#define MAX_KEYS 3

// A column whose values are the growth of the member `source` per second, divided by `divisor`.
struct top_rate {
    const char *name, *source;
    double divisor;
};

struct top_view {
    const char *name, *command;
    const char *records;                // member of the reply; NULL: the reply is one record
    const struct command_field *fields; // the columns, in the order of the table
    const struct top_rate *rates;       // a NULL name ends them
    const char *keys[MAX_KEYS];         // members that identify a record
    size_t sort;                        // index in `fields`
    bool is_reversed;
    json_t *current; // array of records; NULL before the first update
    usec_t time;     // of `current`
};

static const struct command_field client_fields[] = {
    {"client", FIELD_STRING},
    {"id", FIELD_STRING},
    {"cpu_%", FIELD_REAL},
    {"tx/s", FIELD_REAL},
    {"in_bytes/s", FIELD_REAL},
    {"out_bytes/s", FIELD_REAL},
    {"queued_bytes", FIELD_INTEGER},
    {"owed_bytes", FIELD_INTEGER},
    {"monitors", FIELD_INTEGER},
    {"waiting", FIELD_INTEGER},
    {"locks", FIELD_INTEGER},
    {"requests", FIELD_INTEGER},
    {"transactions", FIELD_INTEGER},
    {"received_bytes", FIELD_INTEGER},
    {"sent_bytes", FIELD_INTEGER},
    {"busy_us", FIELD_INTEGER},
    {"since", FIELD_STRING},
    {"role", FIELD_STRING},
    {"read_only", FIELD_BOOLEAN},
    {"uid", FIELD_INTEGER},
    {"pid", FIELD_INTEGER},
    {"remote", FIELD_STRING},
    {NULL},
};

static const struct top_rate client_rates[] = {
    {"cpu_%", "busy_us", 10000},
    {"tx/s", "transactions", 1},
    {"in_bytes/s", "received_bytes", 1},
    {"out_bytes/s", "sent_bytes", 1},
    {NULL},
};

static const struct command_field monitor_fields[] = {
    {"client", FIELD_STRING},    {"database", FIELD_STRING}, {"id", FIELD_STRING},
    {"state", FIELD_STRING},     {"cpu_%", FIELD_REAL},      {"messages/s", FIELD_REAL},
    {"rows/s", FIELD_REAL},      {"bytes/s", FIELD_REAL},    {"owed_bytes", FIELD_INTEGER},
    {"messages", FIELD_INTEGER}, {"rows", FIELD_INTEGER},    {"bytes", FIELD_INTEGER},
    {"busy_us", FIELD_INTEGER},  {"version", FIELD_INTEGER}, {"clauses", FIELD_INTEGER},
    {"client_id", FIELD_STRING}, {"tables", FIELD_STRINGS},  {NULL},
};

static const struct top_rate monitor_rates[] = {
    {"cpu_%", "busy_us", 10000},
    {"messages/s", "messages", 1},
    {"rows/s", "rows", 1},
    {"bytes/s", "bytes", 1},
    {NULL},
};

static const struct command_field transaction_fields[] = {
    {"duration_us", FIELD_INTEGER},
    {"waited_us", FIELD_INTEGER},
    {"ended", FIELD_STRING},
    {"client", FIELD_STRING},
    {"client_id", FIELD_STRING},
    {"role", FIELD_STRING},
    {"database", FIELD_STRING},
    {"failed", FIELD_BOOLEAN},
    {"request_bytes", FIELD_INTEGER},
    {"reply_bytes", FIELD_INTEGER},
    {"operations", FIELD_INTEGER},
    {"what", FIELD_STRING},
    {NULL},
};

// The members of the reply become records, see status_records().
static const struct command_field status_fields[] = {
    {"name", FIELD_STRING},
    {"value", FIELD_STRING},
    {NULL},
};

static const struct top_rate no_rates[] = {{NULL}};

static struct top_view views[TOP_N_VIEWS] = {
    {"clients", "ovsdb-server/clients", "clients", client_fields, client_rates, .keys = {"client"},
     .sort = 2},
    {"monitors", "ovsdb-server/monitors", "monitors", monitor_fields, monitor_rates,
     .keys = {"client", "database", "id"}, .sort = 4},
    {"slow-log", "ovsdb-server/slow-log", "transactions", transaction_fields, no_rates},
    {"status", "ovsdb-server/status", NULL, status_fields, no_rates},
};

struct top_view *top_view_get(size_t index)
{
    assert(index < TOP_N_VIEWS);
    return &views[index];
}

struct top_view *top_view_find(const char *name)
{
    for (size_t i = 0; i < TOP_N_VIEWS; i++) {
        if (!strcmp(views[i].name, name)) {
            return &views[i];
        }
    }
    return NULL;
}

size_t top_view_index(const struct top_view *view)
{
    return (size_t)(view - views);
}

const char *top_view_name(const struct top_view *view)
{
    return view->name;
}

const char *top_view_command(const struct top_view *view)
{
    return view->command;
}

static bool is_array_of_strings(const json_t *value)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(value)) {
        return false;
    }
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item)) {
            return false;
        }
    }
    return true;
}

static bool has_type(const json_t *value, enum command_field_kind kind)
{
    switch (kind) {
    case FIELD_STRING:
        return json_is_string(value);
    case FIELD_INTEGER:
        return json_is_integer(value);
    case FIELD_BOOLEAN:
        return json_is_boolean(value);
    case FIELD_STRINGS:
        return is_array_of_strings(value);
    default:
        return false; // rates are not members of the reply
    }
}

static bool is_same_record(const struct top_view *view, const json_t *a, const json_t *b)
{
    for (size_t i = 0; i < MAX_KEYS && view->keys[i]; i++) {
        const char *x = json_string_value(json_object_get(a, view->keys[i]));
        const char *y = json_string_value(json_object_get(b, view->keys[i]));

        if (!x || !y || strcmp(x, y)) {
            return false;
        }
    }
    return true;
}

static void add_rates(const struct top_view *view, json_t *record, const json_t *before,
                      usec_t elapsed)
{
    for (const struct top_rate *rate = view->rates; rate->name; rate++) {
        const json_t *from = json_object_get(before, rate->source);
        const json_t *to = json_object_get(record, rate->source);

        if (from && to && elapsed) {
            double growth = (double)json_integer_value(to) - (double)json_integer_value(from);

            growth *= (double)USEC_PER_SEC / rate->divisor / (double)elapsed;
            if (growth >= 0) { // otherwise another client has the same name now
                json_object_set_new(record, rate->name, json_real(growth));
            }
        }
    }
}

static json_t *make_record(const struct top_view *view, const json_t *item)
{
    json_t *record = json_object();

    for (const struct command_field *field = view->fields; field->name; field++) {
        json_t *value = json_object_get(item, field->name);

        if (has_type(value, field->kind)) {
            json_object_set(record, field->name, value);
        }
    }
    return record;
}

// Finds the record `item` among the current ones. Replies have about the same order, so the search
// begins at the position `hint`.
static const json_t *find_before(const struct top_view *view, const json_t *item, size_t hint)
{
    size_t n = json_array_size(view->current);

    for (size_t i = 0; i < n; i++) {
        const json_t *before = json_array_get(view->current, (hint + i) % n);

        if (is_same_record(view, before, item)) {
            return before;
        }
    }
    return NULL;
}

// The members of the reply `status` as records with name and value.
static json_t *status_records(const json_t *status)
{
    json_t *records = json_array();
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)status, name, value)
    {
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY);

        json_array_append_new(records, json_pack("{ss ss}", "name", name, "value", text));
        free(text);
    }
    return records;
}

bool top_view_update(struct top_view *view, const char *reply, usec_t now)
{
    json_t *value = json_loads(reply, 0, NULL);
    json_t *items = view->records           ? json_incref(json_object_get(value, view->records))
                    : json_is_object(value) ? status_records(value)
                                            : NULL;
    json_t *records = json_array();
    const json_t *item;
    size_t i;

    if (!json_is_array(items)) {
        json_decref(value);
        json_decref(items);
        json_decref(records);
        return false;
    }
    json_array_foreach(items, i, item)
    {
        json_t *record = make_record(view, item);

        if (view->rates[0].name) {
            add_rates(view, record, find_before(view, record, i), now - view->time);
        }
        json_array_append_new(records, record);
    }
    json_decref(value);
    json_decref(items);
    json_decref(view->current);
    view->current = records;
    view->time = now;
    return true;
}

size_t top_view_count(const struct top_view *view)
{
    return json_array_size(view->current);
}

const char *top_view_sort_column(const struct top_view *view)
{
    return view->fields[view->sort].name;
}

bool top_view_sort_by(struct top_view *view, const char *name)
{
    for (size_t i = 0; view->fields[i].name; i++) {
        if (!strcmp(view->fields[i].name, name)) {
            view->sort = i;
            return true;
        }
    }
    return false;
}

void top_view_sort_next(struct top_view *view, int step)
{
    size_t n = 0;

    assert(step == 1 || step == -1);
    while (view->fields[n].name) {
        n++;
    }
    view->sort = (view->sort + n + (size_t)step) % n;
}

void top_view_reverse(struct top_view *view)
{
    view->is_reversed = !view->is_reversed;
}

bool top_view_is_reversed(const struct top_view *view)
{
    return view->is_reversed;
}

void top_view_print(const struct top_view *view, struct buf *text)
{
    json_t *records = view->current ? json_copy(view->current) : json_array();
    size_t n = json_array_size(records);
    bool sorted = reply_sort_records(records, view->fields, top_view_sort_column(view));

    assert(sorted);
    for (size_t i = 0; view->is_reversed && i < n; i++) {
        json_array_insert(records, i, json_array_get(records, n - 1));
        json_array_remove(records, n);
    }
    reply_print_records(records, view->fields, text);
    json_decref(records);
}
