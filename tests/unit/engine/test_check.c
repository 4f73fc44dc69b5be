// SPDX-License-Identifier: Apache-2.0
// The structure checks find each kind of inconsistency, and stop the process when they are on.
#include "engine_fixture.h"

#include "engine/internal.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

// A Part that an Owner refers to strongly and weakly, and a Limited, which has an index.
static struct db *new_db(void)
{
    struct db *db = fixture_new();

    fixture_run(db,
                "{\"op\":\"insert\",\"table\":\"Part\",\"uuid-name\":\"p\",\"row\":{}},"
                "{\"op\":\"insert\",\"table\":\"Limited\",\"row\":{\"a\":1,\"b\":\"1\"}},"
                "{\"op\":\"insert\",\"table\":\"Owner\",\"row\":{\"parts\":[\"named-uuid\",\"p\"],"
                "\"likes\":[\"named-uuid\",\"p\"]}}");
    return db;
}

static struct table *table_of(const struct db *db, const char *name)
{
    return db_table(db, fixture_table(db, name));
}

static struct entry *only_entry(const struct table *table)
{
    size_t state = 0;

    return htable_next(&table->entries, &state);
}

static void assert_problem(const struct db *db, const char *part)
{
    _cleanup_free_ char *problem = db_check_structures(db);

    assert_non_null(problem);
    if (!strstr(problem, part)) {
        fail_msg("\"%s\" does not contain \"%s\"", problem, part);
    }
}

static void test_reference_count(void **state)
{
    struct db *db = new_db();
    struct entry *part = only_entry(table_of(db, "Part"));

    part->n_strong++;
    assert_problem(db, "I-4");
    part->n_strong--;
    fixture_check(db);
    db_free(db);
}

static void test_weak_referrers(void **state)
{
    struct db *db = new_db();
    struct table *parts = table_of(db, "Part");
    struct entry *part = only_entry(parts);
    struct entry *owner = only_entry(table_of(db, "Owner"));

    table_remove_weak(parts, part, owner);
    assert_problem(db, "a weak reference is not registered");
    table_add_weak(parts, part, owner);
    table_add_weak(parts, part, part);
    assert_problem(db, "wrong set of weak referrers");
    table_remove_weak(parts, part, part);
    fixture_check(db);
    db_free(db);
}

static void test_index(void **state)
{
    struct db *db = new_db();
    struct table *table = table_of(db, "Limited");
    struct entry *entry = only_entry(table);
    struct index *index = table->indexes[0];
    uint64_t hash = index_hash(index, entry->row);

    assert_true(multimap_remove(&index->committed, hash, entry));
    assert_problem(db, "missing in an index");
    multimap_add(&index->committed, hash, entry);
    multimap_add(&index->pending, hash, entry);
    assert_problem(db, "an index refers to rows");
    multimap_done(&index->pending);
    fixture_check(db);
    db_free(db);
}

static void test_totals(void **state)
{
    struct db *db = new_db();

    table_of(db, "Owner")->n_rows++;
    assert_problem(db, "wrong number of rows");
    table_of(db, "Owner")->n_rows--;
    db->memory++;
    assert_problem(db, "memory");
    db->memory--;
    db->n_weak_refs++;
    assert_problem(db, "weak references");
    db->n_weak_refs--;
    fixture_check(db);
    db_free(db);
}

static void test_chain(void **state)
{
    struct db *db = new_db();
    struct changeset *tail = db_tail(db);
    struct row *row = tail->tables[0].rows[0].new;

    tail->tables[0].rows[0].new = NULL;
    tail->tables[0].rows[0].old = row;
    assert_problem(db, "I-5");
    tail->tables[0].rows[0].new = row;
    tail->tables[0].rows[0].old = NULL;
    fixture_check(db);
    db_free(db);
}

// Commits to an inconsistent database. Returns only if the commit is not checked.
static void commit_to_inconsistent(bool is_checked)
{
    struct db *db = new_db();
    struct txn *txn;
    struct changeset *changes;
    uint64_t position;

    db_set_structure_checks(is_checked);
    db->memory++;
    txn = txn_new(db);
    txn_insert(txn, fixture_table(db, "Thing"), fixture_uuid(1));
    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    db_free(db);
}

static void test_switch(void **state)
{
    pid_t child;
    int status;

    commit_to_inconsistent(false);
    assert_false(db_structure_checks());
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        signal(SIGABRT, SIG_DFL);
        freopen("/dev/null", "w", stderr);
        commit_to_inconsistent(true);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_count), cmocka_unit_test(test_weak_referrers),
        cmocka_unit_test(test_index),           cmocka_unit_test(test_totals),
        cmocka_unit_test(test_chain),           cmocka_unit_test(test_switch),
    };

    fixture_schema_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
