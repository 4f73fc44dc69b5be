// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of the engine: a database with the schema of tests/data/engine/schema.json,
// and requests as text. The whole database is checked after each request.
#pragma once

#include "schema_file.h"

#include "engine/check.h"
#include "engine/transact.h"

extern const char *fixture_schema_path; // set by main()

struct db *fixture_new(void);
// An empty database with this schema, of which it takes the reference.
struct db *fixture_new_with(struct schema *schema);
const struct table_schema *fixture_table(const struct db *db, const char *name);
const struct column *fixture_column(const struct db *db, const char *table, const char *name);
// UUID number n: 0000000n-0000-4000-8000-000000000000.
struct uuid fixture_uuid(uint64_t n);
// Runs operations (JSON text, comma-separated) and checks the database. Returns the result as text,
// until the next call; fails if the transaction waits.
const char *fixture_run(struct db *db, const char *format, ...) PRINTF_FORMAT(2, 3);
// The same, with a request and result of the caller.
enum transact_status fixture_run_request(struct db *db, struct transact_request request,
                                         struct slice operations, struct buf *result,
                                         struct transact_result *ret);
// Loads the rows of `db` into a new database, and checks that it is consistent and equal to `db`.
struct db *fixture_reload(const struct db *db);
void fixture_check(const struct db *db);
