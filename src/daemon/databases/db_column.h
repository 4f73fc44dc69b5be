// SPDX-License-Identifier: Apache-2.0
// "db:DB,TABLE,COLUMN": a column of a database in which users keep settings of this server. It is
// followed through commits, and through the database being removed, added again and converted.
#pragma once

#include "daemon/databases/databases.h"

struct db_column {
    char *spec;  // as given
    char *names; // cut into these three
    const char *db_name, *table_name, *column_name;
    struct db *db; // NULL, and the next two not valid, while there is no such column
    const struct table_schema *table;
    const struct column *column;
    struct databases_observer databases_observer;
    struct db_observer observer;
    char *(*refusal)(const struct column *column);
    void (*changed)(void *userdata);
    void *userdata;
};

// Whether an argument is of this form.
bool db_column_is(const char *spec);

// `refusal` says what is wrong with a column's type (NULL: nothing; the caller frees). `changed`
// is called for each commit that changes the table, or the one that the column refers to, when the
// database comes, goes or is converted; it may read, but not write. NULL with the reason in
// *ret_error (caller frees) if the column is not there or not as it should be; once it was, it may
// be missing for a while.
struct db_column *db_column_new(const char *spec, struct databases *databases,
                                char *(*refusal)(const struct column *column),
                                void (*changed)(void *userdata), void *userdata, char **ret_error);
void db_column_free(struct db_column *column); // before `databases`

// Calls `visit` for every value of the column in every row; values and rows are borrowed from the
// database, until it is written to or changed() has been called. O(rows).
typedef void db_column_visit(void *userdata, const struct row *row, union atom value);
void db_column_each(const struct db_column *column, db_column_visit *visit, void *userdata);
