// SPDX-License-Identifier: Apache-2.0
// Files, rows and dumps for the tests of the store.
#pragma once

#include "schema_file.h"

#include "engine/db.h"
#include "store/store.h"

// Each test runs in an empty folder of its own, which is removed at its end.
int enter_folder(void **state);
int leave_folder(void **state);

#define TEST_SCHEMA "store/d.ovsschema" // database "d", table "T"

// A record with the right header.
void put_record(struct buf *file, const char *json);
// The record of the schema of a file of tests/data.
void put_schema(struct buf *file, const char *name);
void write_file(const char *path, struct slice content);
void read_file(const char *path, struct buf *ret);
// The database file "d.db" with the schema and no rows.
void create_database(void);
// Opens "d.db"; fails the test on error.
struct store *open_store(enum store_mode mode, struct group_commit *group_commit);
// Fails unless there is an error whose text contains `part`; frees it.
void assert_error(struct ovsdb_error *error, const char *part);
void assert_ok(struct ovsdb_error *error);

// Each runs one transaction on the table "T". try_insert() returns the error of the commit; its
// ret_ arguments may be NULL.
struct ovsdb_error *try_insert(struct db *db, const char *name, bool durable, struct uuid *ret_uuid,
                               uint64_t *ret_position);
struct uuid insert(struct db *db, const char *name);
void set_column(struct db *db, struct uuid uuid, const char *column, const char *json);
void delete_row(struct db *db, struct uuid uuid);
size_t count_rows(struct db *db);
// Every stored value of the database as one text. Caller frees.
char *dump(struct db *db);
// The last line of a file. Caller frees.
char *last_line(const char *path);
