// SPDX-License-Identifier: Apache-2.0
// Simulated clusters (simulation/simulation.h). A failure names the seed; VERBOSE=1 in the
// environment prints a line for each.
//
//     test_cluster_simulation [--seeds FROM-TO]
#include "simulation/simulation.h"

#include <stdio.h>

enum { N_UNLOGGED = 20 };

// Seeds that have failed once. A change of the simulation gives them other meanings, but they cost
// nothing.
static const struct {
    unsigned seed;
    enum read_kind reads;
} kept_seeds[] = {
    {40, READ_LOGGED},    // transfer to a server that is being added
    {46, READ_LOGGED},    // a member came back that did not know its leader
    {60, READ_LOGGED},    // leadership lost when the entry that prepares a change was compacted
    {10222, READ_LOGGED}, // a removed server that had failed to take leadership deposed each leader
    {1980, READ_AHEAD},   // the last member became leader in the term of the removed leader
    {2976, READ_AHEAD},   // a member whose vote was needed did not know that it was one
};

static unsigned first_seed = 1, last_seed = 30;
static unsigned running_seed;

static void test_kept_seeds(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(kept_seeds); i++) {
        running_seed = kept_seeds[i].seed;
        assert_true(simulate(running_seed, kept_seeds[i].reads));
    }
}

static void test_seeds(void **state)
{
    for (running_seed = first_seed; running_seed <= last_seed; running_seed++) {
        assert_true(simulate(running_seed, READ_LOGGED));
    }
}

// A new leader does not know at once what is committed, so that its committed state may be old. The
// histories must show that.
static void test_stale_reads_are_found(void **state)
{
    unsigned n_stale = 0;

    for (running_seed = 1; running_seed <= N_UNLOGGED; running_seed++) {
        n_stale += !simulate(running_seed, READ_COMMITTED);
    }
    assert_true(n_stale);
}

static int name_seed(void **state)
{
    printf("last seed: %u\n", running_seed);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_kept_seeds, name_seed),
        cmocka_unit_test_teardown(test_stale_reads_are_found, name_seed),
        cmocka_unit_test_teardown(test_seeds, name_seed),
    };

    if (argc > 1 && (argc != 3 || strcmp(argv[1], "--seeds") != 0 ||
                     sscanf(argv[2], "%u-%u", &first_seed, &last_seed) != 2)) {
        fprintf(stderr, "usage: %s [--seeds FROM-TO]\n", argv[0]);
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
