// SPDX-License-Identifier: Apache-2.0
#include "session/audit.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "basic/utf8.h"
#include "session/internal.h"
#include "json/cursor.h"

#include <assert.h>

#define MAX_ROWS    20  // rows named in one message
#define MAX_TABLES  10  // tables named in one message
#define MAX_COMMENT 500 // bytes of the comment in one message
#define N_OTHERS    9   // fields that occur once

LOG_MODULE(transaction);

struct audit_rule {
    struct list node;
    char *db;
    char *table; // NULL: all tables of `db` without a rule of their own
    bool on;
};

static struct audit_rule *find_rule(const struct server *server, const char *db, const char *table)
{
    struct audit_rule *rule;

    LIST_FOREACH (rule, &server->audit_rules, node) {
        if (!strcmp(rule->db, db) && str_equals(rule->table, table)) {
            return rule;
        }
    }
    return NULL;
}

static void rule_free(struct audit_rule *rule)
{
    list_remove(&rule->node);
    free(rule->db);
    free(rule->table);
    free(rule);
}

void audit_clear(struct server *server, const char *db)
{
    struct audit_rule *rule, *next;

    LIST_FOREACH_SAFE (rule, next, &server->audit_rules, node) {
        if (!db || !strcmp(rule->db, db)) {
            rule_free(rule);
        }
    }
}

void audit_set(struct server *server, const char *db, const char *table, bool on)
{
    struct audit_rule *rule;

    if (!table) {
        audit_clear(server, db);
    }
    rule = find_rule(server, db, table);
    if (!rule) {
        rule = NEW(struct audit_rule);
        rule->db = xstrdup(db);
        rule->table = table ? xstrdup(table) : NULL;
        list_push_back(&server->audit_rules, &rule->node);
    }
    rule->on = on;
}

void audit_configure(struct server *server, const char *list)
{
    _cleanup_free_ char *copy = xstrdup(list);
    char *rest = copy;
    char *item;

    audit_clear(server, NULL);
    while ((item = strsep(&rest, ","))) {
        char *db = strsep(&item, ":");

        if (db[0]) {
            audit_set(server, db, item, true);
        }
    }
}

void audit_visit(const struct server *server,
                 void (*visit)(void *userdata, const char *db, const char *table, bool on),
                 void *userdata)
{
    const struct audit_rule *rule;

    // audit_set() of a whole database drops the rules of its tables.
    for (int with_table = 0; with_table <= 1; with_table++) {
        LIST_FOREACH (rule, &server->audit_rules, node) {
            if ((rule->table != NULL) == with_table) {
                visit(userdata, rule->db, rule->table, rule->on);
            }
        }
    }
}

bool audit_is_on(const struct server *server, const char *db, const char *table)
{
    const struct audit_rule *rule = find_rule(server, db, table);

    rule = rule ? rule : find_rule(server, db, NULL);
    return rule && rule->on;
}

// The log message of one commit.
struct entry {
    struct buf text;
    struct log_field fields[N_OTHERS + MAX_TABLES + MAX_ROWS + 1];
    size_t n_fields;
    char *rows[MAX_ROWS];
    size_t n_rows; // all changed rows, of which MAX_ROWS are named
    size_t n_tables;
    char txn[UUID_TEXT_SIZE]; // values of fields
    char uid[16];
    char pid[16];
};

static void add_field(struct entry *entry, const char *name, const char *value)
{
    if (value) {
        assert(entry->n_fields < ARRAY_SIZE(entry->fields) - 1); // the last one ends the array
        entry->fields[entry->n_fields++] = (struct log_field){name, value};
    }
}

static void add_row(struct entry *entry, const char *table, const struct row_change *change)
{
    const struct row *row = change->new ? change->new : change->old;
    const char *what = !change->old ? "insert" : change->new ? "modify" : "delete";
    char uuid[UUID_TEXT_SIZE];
    char *text;

    assert(row); // a changeset has no row that did not exist before and does not exist after it
    if (entry->n_rows++ >= MAX_ROWS) {
        return;
    }
    text = xasprintf("%s %s %s", table, what, uuid_text(row->uuid, uuid));
    buf_printf(&entry->text, "%s %s", entry->n_rows > 1 ? "," : "", text);
    entry->rows[entry->n_rows - 1] = text;
    add_field(entry, "OVSDB_ROW", text);
}

static void add_tables(struct entry *entry, const struct served_db *sdb,
                       const struct changeset *changes)
{
    for (size_t i = 0; i < changes->n_tables; i++) {
        const struct table_changes *table = &changes->tables[i];
        const char *name = table->table->name;

        if (!audit_is_on(sdb->server, changes->schema->name, name)) {
            continue;
        }
        if (entry->n_tables++ < MAX_TABLES) {
            add_field(entry, "OVSDB_TABLE", name);
        }
        for (size_t j = 0; j < table->n_rows; j++) {
            add_row(entry, name, &table->rows[j]);
        }
    }
}

// "unix#3 (uid 0, pid 77)"; for a commit without a client "the server itself" or, in a relay, "the
// source". Caller frees.
static char *author_text(const struct served_db *sdb, const struct session *session)
{
    if (!session) {
        return xstrdup(sdb->forwarder ? "the source" : "the server itself");
    }
    if (session->peer.is_known && !session->peer.pid) { // a process of another pid namespace
        return xasprintf("%s (uid %u)", session->name, session->peer.uid);
    }
    if (session->peer.is_known) {
        return xasprintf("%s (uid %u, pid %d)", session->name, session->peer.uid,
                         session->peer.pid);
    }
    return session->client_id ? xasprintf("%s (%s)", session->name, session->client_id)
                              : xstrdup(session->name);
}

static void add_session(struct entry *entry, const struct session *session)
{
    if (!session) {
        return;
    }
    add_field(entry, "OVSDB_SESSION", session->name);
    add_field(entry, "OVSDB_REMOTE", session->remote);
    add_field(entry, "OVSDB_CLIENT_ID", session->client_id);
    if (session->peer.is_known) {
        snprintf(entry->uid, sizeof(entry->uid), "%u", session->peer.uid);
        snprintf(entry->pid, sizeof(entry->pid), "%d", session->peer.pid);
        add_field(entry, "OVSDB_PEER_UID", entry->uid);
        add_field(entry, "OVSDB_PEER_PID", session->peer.pid ? entry->pid : NULL);
    }
}

static void add_comment(struct entry *entry, const char *comment)
{
    if (comment) {
        size_t size = utf8_cut(slice_of(comment), MAX_COMMENT);
        size_t start = entry->text.size;

        buf_printf(&entry->text, "; comment: %.*s%s", (int)size, comment,
                   comment[size] ? "..." : "");
        for (size_t i = start; i < entry->text.size; i++) {
            if (entry->text.data[i] == '\n') {
                entry->text.data[i] = ' '; // a message is one line
            }
        }
        add_field(entry, "OVSDB_COMMENT", comment);
    }
}

static void write_entry(struct entry *entry, const struct served_db *sdb,
                        const struct session *session, const struct changeset *changes)
{
    _cleanup_free_ char *author = author_text(sdb, session);

    if (entry->n_rows > MAX_ROWS) {
        buf_printf(&entry->text, " and %zu more", entry->n_rows - MAX_ROWS);
    }
    add_field(entry, "OVSDB_DATABASE", changes->schema->name);
    add_field(entry, "OVSDB_TXN", uuid_text(changes->txn_id, entry->txn));
    add_session(entry, session);
    add_comment(entry, changes->comment);
    log_event(LOG_LEVEL_INFO, MSG_TRANSACTION, entry->fields, "%s: transaction %s of %s:%s",
              changes->schema->name, entry->txn, author, buf_cstr(&entry->text));
}

void audit_commit(const struct served_db *sdb, const struct changeset *changes)
{
    struct entry entry = {0};

    if (list_is_empty(&sdb->server->audit_rules)) {
        return;
    }
    add_tables(&entry, sdb, changes);
    if (entry.n_rows) {
        write_entry(&entry, sdb, sdb->server->author, changes);
    }
    for (size_t i = 0; i < MIN(entry.n_rows, (size_t)MAX_ROWS); i++) {
        free(entry.rows[i]);
    }
    buf_done(&entry.text);
}

void audit_withdrawn(const struct served_db *sdb, const struct changeset *changes)
{
    const char *database = changes->schema->name;
    char txn[UUID_TEXT_SIZE];

    for (size_t i = 0; i < changes->n_tables; i++) {
        if (audit_is_on(sdb->server, database, changes->tables[i].table->name)) {
            uuid_text(changes->txn_id, txn);
            log_event(LOG_LEVEL_INFO, MSG_TRANSACTION,
                      LOG_FIELDS({"OVSDB_DATABASE", database}, {"OVSDB_TXN", txn}),
                      "%s: transaction %s was withdrawn: no majority of the cluster has stored it",
                      database, txn);
            return;
        }
    }
}

// Appends "insert Bridge" if the operation may have changed an audited table.
static void add_operation(struct entry *entry, const struct served_db *sdb, struct slice operation)
{
    struct buf *scratch = &sdb->server->scratch;
    struct slice op = json_member(operation, "op"), table = json_member(operation, "table"), text;
    _cleanup_free_ char *op_name = NULL, *table_name = NULL;
    const struct table_schema *schema;

    if (!op.data || !table.data || !json_read_string(op, scratch, &text)) {
        return;
    }
    op_name = xstrndup(text.data, text.size);
    if (!strcmp(op_name, "select") || !strcmp(op_name, "wait") ||
        !json_read_string(table, scratch, &text)) {
        return;
    }
    table_name = xstrndup(text.data, text.size);
    schema = schema_find_table(db_schema(sdb->db), slice_of(table_name));
    if (schema && audit_is_on(sdb->server, db_schema(sdb->db)->name, table_name)) {
        if (entry->n_rows++ < MAX_ROWS) {
            buf_printf(&entry->text, "%s %s %s", entry->n_rows > 1 ? "," : "", op_name, table_name);
        }
        if (entry->n_tables++ < MAX_TABLES) {
            add_field(entry, "OVSDB_TABLE", schema->name);
        }
    }
}

void audit_forwarded(const struct served_db *sdb, const struct session *session,
                     struct slice params)
{
    const char *database = db_schema(sdb->db)->name;
    _cleanup_free_ char *author = NULL;
    struct entry entry = {0};
    struct cursor cursor;

    if (list_is_empty(&sdb->server->audit_rules)) {
        return;
    }
    cursor_init(&cursor, params);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice operation = cursor_skip(&cursor);

        if (json_kind_of(operation) == JSON_KIND_OBJECT) {
            add_operation(&entry, sdb, operation);
        }
    }
    if (entry.n_rows) {
        author = author_text(sdb, session);
        add_field(&entry, "OVSDB_DATABASE", database);
        add_session(&entry, session);
        log_event(LOG_LEVEL_INFO, MSG_TRANSACTION, entry.fields,
                  "%s: transaction forwarded for %s:%s%s", database, author, buf_cstr(&entry.text),
                  entry.n_rows > MAX_ROWS ? ", ..." : "");
    }
    buf_done(&entry.text);
}
