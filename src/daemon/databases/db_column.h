// SPDX-License-Identifier: Apache-2.0
// "db:DB,TABLE,COLUMN": a column of a database in which users keep settings of this server. It
// reports commits that may change its values, their withdrawal, and when the database is removed,
// added again or converted.
#pragma once

#include "daemon/databases/databases.h"

struct db_column {
    char *spec;  // as given
    char *names; // the buffer of the next three
    const char *db_name, *table_name, *column_name;
    struct db *db; // NULL, and the next two invalid, while the column does not exist
    const struct table_schema *table;
    const struct column *column;
    struct databases_observer databases_observer;
    struct db_observer observer;
    struct failure *(*refusal)(const struct column *column);
    void (*changed)(void *userdata);
    void *userdata;
};

// Whether an argument begins with "db:".
bool db_column_is(const char *spec);

// `refusal` returns what is wrong with the type of a column, or NULL. `changed` is called after
// each commit that changes the table or the table to which the column refers, when such commits are
// withdrawn, and when the database is added, removed or converted. It may read the database, but
// not write to it.
// The column of a relay may become known later, with its schema.
// Fails if the column does not exist or is refused. Later the column may be missing for a while.
struct failure *db_column_new(const char *spec, struct databases *databases,
                              struct failure *(*refusal)(const struct column *column),
                              void (*changed)(void *userdata), void *userdata,
                              struct db_column **ret);
void db_column_free(struct db_column *column); // `databases` must still exist; NULL allowed

// Calls `visit` for every value of the column in every row. Values and rows are borrowed: they are
// valid until the database is written to or changed() is called. O(rows).
typedef void db_column_visit(void *userdata, const struct row *row, union atom value);
void db_column_each(const struct db_column *column, db_column_visit *visit, void *userdata);
