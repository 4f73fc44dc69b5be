// SPDX-License-Identifier: Apache-2.0
// Parses monitor requests. The requests of one table are merged: their columns must be disjoint,
// each column keeps the selection of its request, and the conditions are joined by "or". Two specs
// are equal if tables, columns, selections and the canonical texts of the conditions are equal.
#include "monitor/spec.h"

#include "json/emit.h"

#include <assert.h>

static_assert(SELECT_ALL == (1 << N_MONITOR_SELECTIONS) - 1, "each selection has a name");

const struct monitor_selection monitor_selections[N_MONITOR_SELECTIONS] = {
    {"initial", SELECT_INITIAL},
    {"insert", SELECT_INSERT},
    {"delete", SELECT_DELETE},
    {"modify", SELECT_MODIFY},
};

// The state of parsing the requests of one table.
struct table_parser {
    const struct table_schema *table;
    bool conditional; // "where" is allowed
    bool change;      // for "monitor_cond_change": "where" is the only member with an effect
    uint8_t *selects; // by column index
    bool *monitored;  // by column index
    uint8_t select;   // of all requests together
    bool every_row;   // a request has no condition
    struct buf where; // the clauses of all requests, separated by commas
    struct buf *scratch;
};

static struct ovsdb_error *parse_columns(struct table_parser *parser, struct slice columns,
                                         uint8_t select)
{
    struct cursor cursor;

    cursor_init(&cursor, columns);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        const struct column *column;
        struct slice name;

        if (cursor_kind(&cursor) != JSON_KIND_STRING) {
            return error_syntax(columns, "table %s: column names expected", parser->table->name);
        }
        name = cursor_string(&cursor, parser->scratch);
        column = table_schema_find_column(parser->table, name);
        if (!column) {
            return error_syntax(columns, "table %s has no column " SLICE_FORMAT,
                                parser->table->name, SLICE_ARGS(name));
        }
        if (parser->monitored[column->index]) {
            return error_syntax(columns, "table %s: column %s is requested more than once",
                                parser->table->name, column->name);
        }
        parser->monitored[column->index] = true;
        parser->selects[column->index] = select;
    }
    return NULL;
}

// A request without "columns" monitors all columns but _uuid.
static struct ovsdb_error *default_columns(struct table_parser *parser, struct slice request,
                                           uint8_t select)
{
    for (size_t i = COLUMN_VERSION; i < parser->table->n_columns; i++) {
        if (parser->monitored[i]) {
            return error_syntax(request, "table %s: column %s is requested more than once",
                                parser->table->name, parser->table->columns[i].name);
        }
        parser->monitored[i] = true;
        parser->selects[i] = select;
    }
    return NULL;
}

static struct ovsdb_error *parse_select(struct table_parser *parser, struct slice json,
                                        uint8_t *ret)
{
    uint8_t select = SELECT_ALL;
    struct cursor cursor;

    cursor_init(&cursor, json);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, parser->scratch);
        enum json_kind kind = cursor_kind(&cursor);
        size_t i = 0;

        while (i < N_MONITOR_SELECTIONS && !slice_is(name, monitor_selections[i].name)) {
            i++;
        }
        if (i == N_MONITOR_SELECTIONS) {
            return error_syntax(json, "table %s: select has an unexpected member " SLICE_FORMAT,
                                parser->table->name, SLICE_ARGS(name));
        }
        if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE) {
            return error_syntax(json, "table %s: %s in select must be true or false",
                                parser->table->name, monitor_selections[i].name);
        }
        select = kind == JSON_KIND_TRUE ? select | monitor_selections[i].bit
                                        : select & ~monitor_selections[i].bit;
        cursor_skip(&cursor);
    }
    *ret = select;
    return NULL;
}

// Adds the clauses of one request's condition.
static void join_where(struct table_parser *parser, struct slice where)
{
    struct cursor cursor;
    bool more;

    if (!where.data) {
        parser->every_row = true;
        return;
    }
    cursor_init(&cursor, where);
    more = cursor_enter(&cursor);
    if (!more) {
        parser->every_row = true;
    }
    for (; more; more = cursor_more(&cursor)) {
        if (parser->where.size) {
            buf_putc(&parser->where, ',');
        }
        emit_canonical(&parser->where, cursor_skip(&cursor));
    }
}

static struct ovsdb_error *check_member(const struct table_parser *parser, struct slice request,
                                        const char *name, struct slice value, enum json_kind kind)
{
    if (value.data && json_kind_of(value) != kind) {
        return error_syntax(request, "table %s: \"%s\" must be an %s", parser->table->name, name,
                            kind == JSON_KIND_ARRAY ? "array" : "object");
    }
    return NULL;
}

static struct ovsdb_error *parse_request(struct table_parser *parser, struct slice request)
{
    struct slice columns = SLICE_EMPTY, select = SLICE_EMPTY, where = SLICE_EMPTY;
    uint8_t bits = SELECT_ALL;
    struct ovsdb_error *error;
    struct cursor cursor;

    cursor_init(&cursor, request);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return error_syntax(request, "table %s: a monitor request must be an object",
                            parser->table->name);
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, parser->scratch);

        if (slice_is(name, "columns")) {
            columns = cursor_skip(&cursor);
        } else if (slice_is(name, "select") && !parser->change) {
            select = cursor_skip(&cursor);
        } else if (slice_is(name, "where") && parser->conditional) {
            where = cursor_skip(&cursor);
        } else {
            return error_syntax(request,
                                "table %s: monitor request has an unexpected member " SLICE_FORMAT,
                                parser->table->name, SLICE_ARGS(name));
        }
    }
    if ((error = check_member(parser, request, "columns", columns, JSON_KIND_ARRAY)) ||
        (error = check_member(parser, request, "select", select, JSON_KIND_OBJECT)) ||
        (error = check_member(parser, request, "where", where, JSON_KIND_ARRAY))) {
        return error;
    }
    join_where(parser, where);
    if (parser->change) {
        return columns.data ? error_syntax(request, "table %s: columns cannot be changed",
                                           parser->table->name)
                            : NULL;
    }
    if (select.data && (error = parse_select(parser, select, &bits))) {
        return error;
    }
    parser->select |= bits;
    return columns.data ? parse_columns(parser, columns, bits)
                        : default_columns(parser, request, bits);
}

// Parses an array of requests. Old clients send a single request instead of an array; this is
// accepted too, but not in "monitor_cond_change".
static struct ovsdb_error *parse_requests(struct table_parser *parser, struct slice requests)
{
    struct ovsdb_error *error = NULL;
    struct cursor cursor;

    if (json_kind_of(requests) != JSON_KIND_ARRAY) {
        return parser->change ? error_syntax(requests, "table %s: an array of requests expected",
                                             parser->table->name)
                              : parse_request(parser, requests);
    }
    cursor_init(&cursor, requests);
    for (bool more = cursor_enter(&cursor); more && !error; more = !error && cursor_more(&cursor)) {
        error = parse_request(parser, cursor_skip(&cursor));
    }
    return error;
}

static void table_parser_done(struct table_parser *parser)
{
    free(parser->selects);
    free(parser->monitored);
    buf_done(&parser->where);
}

static void set_columns(struct monitor_table *ret, const struct table_parser *parser)
{
    const struct table_schema *table = parser->table;

    for (size_t i = 0; i < table->n_columns; i++) {
        ret->n_columns += parser->monitored[i];
    }
    ret->columns = NEW_ARRAY(struct monitor_column, ret->n_columns + 1);
    for (size_t i = 0, n = 0; i < table->n_columns; i++) {
        if (parser->monitored[i]) {
            struct monitor_column *column = &ret->columns[n++];

            assert(n <= ret->n_columns);
            column->column = &table->columns[i];
            column->select = parser->selects[i];
            column->label = xasprintf("\"%s\":", table->columns[i].name);
            column->label_size = (uint16_t)strlen(column->label);
        }
    }
}

// Decodes ret->where.
static struct ovsdb_error *set_condition(struct monitor_table *ret, struct buf *scratch)
{
    struct ovsdb_error *error;
    struct cursor cursor;

    cursor_init(&cursor, text_slice(ret->where));
    error = condition_decode(&cursor, ret->table, NULL, scratch, &ret->condition);
    if (!error) {
        condition_drop_repeated(&ret->condition);
        ret->values = value_set_new(&ret->condition);
    }
    return error;
}

static struct text *joined_where(struct table_parser *parser)
{
    _cleanup_buf_ struct buf buf = {0};

    buf_putc(&buf, '[');
    if (!parser->every_row) {
        buf_put_slice(&buf, buf_slice(&parser->where));
    }
    buf_putc(&buf, ']');
    return text_new(buf_slice(&buf));
}

// Fills in *ret, which monitor_table_done() cleans up even after an error.
static struct ovsdb_error *parse_table(const struct table_schema *table, bool conditional,
                                       struct slice requests, struct buf *scratch,
                                       struct monitor_table *ret)
{
    _cleanup_(table_parser_done) struct table_parser parser = {
        .table = table,
        .conditional = conditional,
        .selects = NEW_ARRAY(uint8_t, table->n_columns),
        .monitored = NEW_ARRAY(bool, table->n_columns),
        .scratch = scratch,
    };
    struct ovsdb_error *error = parse_requests(&parser, requests);

    if (error) {
        return error;
    }
    ret->table = table;
    ret->select = parser.select;
    ret->where = joined_where(&parser);
    set_columns(ret, &parser);
    return set_condition(ret, scratch);
}

static void monitor_table_done(struct monitor_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        free(table->columns[i].label);
    }
    free(table->columns);
    text_unref(table->where);
    value_set_free(table->values);
    condition_done(&table->condition);
}

// Finds each table's requests: ret[table index], SLICE_EMPTY for tables without requests.
static struct ovsdb_error *cut_tables(const struct schema *schema, struct slice requests,
                                      struct buf *scratch, struct slice *ret)
{
    struct cursor cursor;

    cursor_init(&cursor, requests);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return error_syntax(requests, "monitor requests must be an object");
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, scratch);
        const struct table_schema *table = schema_find_table(schema, name);

        if (!table) {
            return error_syntax(requests, "database %s has no table " SLICE_FORMAT, schema->name,
                                SLICE_ARGS(name));
        }
        ret[table->index] = cursor_skip(&cursor);
    }
    return NULL;
}

static struct monitor_spec *spec_new(struct schema *schema, enum monitor_version version)
{
    struct monitor_spec *spec = NEW(struct monitor_spec);

    spec->schema = schema_ref(schema);
    spec->version = version;
    spec->tables = NEW_ARRAY(struct monitor_table, (size_t)schema->n_tables + 1);
    return spec;
}

static struct ovsdb_error *parse_spec(struct schema *schema, enum monitor_version version,
                                      bool conditional, struct slice requests,
                                      struct monitor_spec **ret)
{
    _cleanup_free_ struct slice *by_table = NEW_ARRAY(struct slice, (size_t)schema->n_tables + 1);
    _cleanup_monitor_spec_ struct monitor_spec *spec = spec_new(schema, version);
    _cleanup_buf_ struct buf scratch = {0};
    struct ovsdb_error *error = cut_tables(schema, requests, &scratch, by_table);

    for (size_t i = 0; !error && i < schema->n_tables; i++) {
        if (by_table[i].data) {
            error = parse_table(&schema->tables[i], conditional, by_table[i], &scratch,
                                &spec->tables[spec->n_tables++]);
        }
    }
    if (!error) {
        *ret = TAKE_PTR(spec);
    }
    return error;
}

struct ovsdb_error *monitor_spec_parse(struct schema *schema, enum monitor_version version,
                                       struct slice requests, struct monitor_spec **ret)
{
    return parse_spec(schema, version, version != MONITOR_V1, requests, ret);
}

struct ovsdb_error *monitor_spec_parse_saved(struct schema *schema, enum monitor_version version,
                                             struct slice requests, struct monitor_spec **ret)
{
    return parse_spec(schema, version, true, requests, ret);
}

static void copy_columns(struct monitor_table *ret, const struct monitor_table *table)
{
    ret->table = table->table;
    ret->select = table->select;
    ret->n_columns = table->n_columns;
    ret->columns = NEW_ARRAY(struct monitor_column, table->n_columns + 1);
    for (size_t i = 0; i < table->n_columns; i++) {
        ret->columns[i] = table->columns[i];
        ret->columns[i].label = xstrdup(table->columns[i].label);
    }
}

static bool is_empty_array(struct slice value)
{
    return json_kind_of(value) == JSON_KIND_ARRAY && !json_count(value);
}

static struct ovsdb_error *change_table(const struct monitor_table *table, struct slice requests,
                                        struct buf *scratch, struct monitor_table *ret)
{
    _cleanup_(table_parser_done) struct table_parser parser = {
        .table = table->table,
        .conditional = true,
        .change = true,
        .scratch = scratch,
    };
    struct ovsdb_error *error;

    copy_columns(ret, table);
    if (!requests.data || is_empty_array(requests)) {
        ret->where = text_ref(table->where);
        return set_condition(ret, scratch);
    }
    if ((error = parse_requests(&parser, requests))) {
        return error;
    }
    ret->where = joined_where(&parser);
    return set_condition(ret, scratch);
}

struct ovsdb_error *monitor_spec_change(const struct monitor_spec *spec, struct slice requests,
                                        struct monitor_spec **ret)
{
    struct schema *schema = spec->schema;
    _cleanup_free_ struct slice *by_table = NEW_ARRAY(struct slice, (size_t)schema->n_tables + 1);
    _cleanup_monitor_spec_ struct monitor_spec *changed = spec_new(schema, spec->version);
    _cleanup_buf_ struct buf scratch = {0};
    struct ovsdb_error *error = cut_tables(schema, requests, &scratch, by_table);

    for (size_t i = 0; !error && i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];

        error = change_table(table, by_table[table->table->index], &scratch,
                             &changed->tables[changed->n_tables++]);
        by_table[table->table->index] = SLICE_EMPTY;
    }
    for (size_t i = 0; !error && i < schema->n_tables; i++) {
        if (by_table[i].data) {
            error = error_syntax(requests, "table %s is not monitored", schema->tables[i].name);
        }
    }
    if (!error) {
        *ret = TAKE_PTR(changed);
    }
    return error;
}

void monitor_spec_free(struct monitor_spec *spec)
{
    if (!spec) {
        return;
    }
    for (size_t i = 0; i < spec->n_tables; i++) {
        monitor_table_done(&spec->tables[i]);
    }
    free(spec->tables);
    schema_unref(spec->schema);
    free(spec);
}

static bool table_equals(const struct monitor_table *a, const struct monitor_table *b)
{
    if (a->table != b->table || a->select != b->select || a->n_columns != b->n_columns ||
        !slice_equals(text_slice(a->where), text_slice(b->where))) {
        return false;
    }
    for (size_t i = 0; i < a->n_columns; i++) {
        if (a->columns[i].column != b->columns[i].column ||
            a->columns[i].select != b->columns[i].select) {
            return false;
        }
    }
    return true;
}

bool monitor_spec_equals(const struct monitor_spec *a, const struct monitor_spec *b)
{
    if (a->schema != b->schema || a->version != b->version || a->n_tables != b->n_tables) {
        return false;
    }
    for (size_t i = 0; i < a->n_tables; i++) {
        if (!table_equals(&a->tables[i], &b->tables[i])) {
            return false;
        }
    }
    return true;
}

uint64_t monitor_spec_hash(const struct monitor_spec *spec)
{
    uint64_t hash = hash_u64(spec->version, spec->n_tables);

    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];

        hash = hash_u64((uint64_t)table->table->index << 8 | table->select, hash);
        hash = hash_bytes(table->where->data, table->where->size, hash);
        for (size_t j = 0; j < table->n_columns; j++) {
            const struct monitor_column *column = &table->columns[j];

            hash = hash_u64((uint64_t)column->column->index << 8 | column->select, hash);
        }
    }
    return hash;
}

static bool table_is_persistent(const struct monitor_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!table->columns[i].column->is_persistent) {
            return false;
        }
    }
    for (size_t i = 0; i < table->condition.n_clauses; i++) {
        const struct column *column = table->condition.clauses[i].column;

        if (column && !column->is_persistent) {
            return false;
        }
    }
    return true;
}

bool monitor_spec_is_persistent(const struct monitor_spec *spec)
{
    for (size_t i = 0; i < spec->n_tables; i++) {
        if (!table_is_persistent(&spec->tables[i])) {
            return false;
        }
    }
    return true;
}
