// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "linearizability.h"

enum { MAX_HISTORY = 8 };

#define W OPERATION_WRITE
#define A OPERATION_APPEND
#define R OPERATION_READ

static const struct {
    const char *what;
    bool is_good;
    struct operation operations[MAX_HISTORY]; // up to one with the end 0
} histories[] = {
    {"no operation", true, {{0}}},
    {"a read of the initial value", true, {{R, 0, 1, 2}}},
    {"a read of a value that was not written", false, {{R, 7, 1, 2}}},
    {"a read after a write", true, {{W, 1, 1, 2}, {R, 1, 3, 4}}},
    {"a stale read", false, {{W, 1, 1, 2}, {R, 0, 3, 4}}},
    {"a read during a write: old", true, {{W, 1, 1, 4}, {R, 0, 2, 3}}},
    {"a read during a write: new", true, {{W, 1, 1, 4}, {R, 1, 2, 3}}},
    {"new, then old, during a write", false, {{W, 1, 1, 9}, {R, 1, 2, 3}, {R, 0, 4, 5}}},
    {"overlapping reads during a write", true, {{W, 1, 1, 9}, {R, 1, 2, 5}, {R, 0, 4, 6}}},
    {"equal times are concurrent", true, {{W, 1, 1, 2}, {R, 0, 2, 3}}},
    {"two readers see two writes in one order",
     true,
     {{W, 1, 1, 9}, {W, 2, 1, 9}, {R, 1, 2, 3}, {R, 1, 2, 3}, {R, 2, 4, 5}, {R, 2, 4, 5}}},
    {"two readers see two writes in two orders",
     false,
     {{W, 1, 1, 9},
      {W, 2, 1, 9},
      {R, 1, 2, 3},
      {R, 2, 2, 3},
      {R, 2, 4, 5},
      {R, 1, 4, 5},
      {R, 2, 6, 7}}},
    {"an unknown write that took effect", true, {{W, 1, 1, NEVER}, {R, 1, 5, 6}}},
    {"an unknown write that did not take effect", true, {{W, 1, 1, NEVER}, {R, 0, 5, 6}}},
    {"an unknown write that takes effect late",
     true,
     {{W, 1, 1, NEVER}, {R, 0, 5, 6}, {R, 1, 7, 8}}},
    {"an unknown write that takes effect twice",
     false,
     {{W, 1, 1, NEVER}, {R, 1, 2, 3}, {W, 2, 4, 5}, {R, 2, 6, 7}, {R, 1, 8, 9}}},
    {"an unknown write seen before its call", false, {{R, 1, 1, 2}, {W, 1, 3, NEVER}}},
    {"a lost write", false, {{W, 1, 1, 2}, {W, 2, 3, 4}, {R, 1, 5, 6}}},
};

static void check(const char *what, const struct operation *operations, size_t n, bool is_good)
{
    if (is_linearizable(operations, n) != is_good) {
        fail_msg("%s: should be %s", what, is_good ? "linearizable" : "refused");
    }
}

static void test_histories(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(histories); i++) {
        size_t n = 0;

        while (n < MAX_HISTORY && histories[i].operations[n].end) {
            n++;
        }
        check(histories[i].what, histories[i].operations, n, histories[i].is_good);
    }
}

static void test_lists(void **state)
{
    uint64_t one = list_append(0, 1), two = list_append(0, 2);
    struct operation operations[] = {{A, 1, 1, 4}, {A, 2, 2, 5}, {R, 0, 6, 7}};

    operations[2].value = list_append(one, 2);
    check("the order of the calls", operations, 3, true);
    operations[2].value = list_append(two, 1);
    check("the other order", operations, 3, true);
    operations[2].value = two;
    check("a lost append", operations, 3, false);
    operations[2].value = list_append(list_append(one, 2), 1);
    check("an append that took effect twice", operations, 3, false);
    operations[1].call = 5;
    operations[1].end = 6;
    operations[2].value = list_append(two, 1);
    check("an order against real time", operations, 3, false);
}

// Many concurrent operations, in a history whose last read is wrong: the search ends.
static void test_long_history(void **state)
{
    enum { N = 300 };
    struct operation operations[N + 1];
    uint64_t list = 0;

    for (unsigned i = 0; i < N; i++) {
        bool is_read = i % 5 == 4;

        list = is_read ? list : list_append(list, i);
        operations[i] =
            (struct operation){is_read ? R : A, is_read ? list : i, i * 10, i * 10 + 45};
    }
    operations[N] = (struct operation){R, list, N * 10 + 100, N * 10 + 101};
    check("a long history", operations, N + 1, true);
    operations[N].value++;
    check("a long history with a wrong read", operations, N + 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_long_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
