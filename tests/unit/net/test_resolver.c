// SPDX-License-Identifier: Apache-2.0
// Resolving host names on a helper thread.
#include "net/resolver.h"
#include "unit.h"

#include "basic/clock.h"

#include <stdio.h>

struct answer {
    struct resolution *resolution;
    bool is_there;
    bool ends_itself;
    char *error;
    size_t n;
    struct endpoint first;
};

static void on_answer(void *userdata, const char *error, const struct endpoint *endpoints, size_t n)
{
    struct answer *answer = userdata;

    assert_false(answer->is_there);
    answer->is_there = true;
    answer->error = error ? xstrdup(error) : NULL;
    answer->n = n;
    if (n) {
        answer->first = endpoints[0];
    }
    if (answer->ends_itself) {
        resolution_free(TAKE_PTR(answer->resolution));
    }
}

static void ask(sd_event *event, const char *host, struct answer *answer)
{
    assert_int_equal(resolver_ask(event, host, 7, on_answer, answer, &answer->resolution), 0);
    while (!answer->is_there) {
        assert_true(sd_event_run(event, 60 * USEC_PER_SEC) > 0);
    }
    resolution_free(answer->resolution);
}

static void test_answers(void **state)
{
    struct answer good = {0}, itself = {.ends_itself = true}, bad = {0};
    sd_event *event;

    assert_true(sd_event_new(&event) >= 0);
    ask(event, "localhost", &good);
    assert_null(good.error);
    assert_true(good.n >= 1);
    assert_int_equal(address_port(&good.first), 7);
    ask(event, "localhost", &itself);
    assert_null(itself.resolution);
    ask(event, "no-such-host.invalid", &bad);
    assert_non_null(bad.error);
    assert_int_equal(bad.n, 0);
    free(bad.error);
    sd_event_unref(event);
}

static void test_dropped_questions(void **state)
{
    sd_event *event;

    assert_true(sd_event_new(&event) >= 0);
    for (int i = 0; i < 20; i++) {
        struct answer answer = {0};

        assert_int_equal(
            resolver_ask(event, "localhost", 7, on_answer, &answer, &answer.resolution), 0);
        resolution_free(answer.resolution);
        while (sd_event_run(event, 0) > 0) {
        }
        assert_false(answer.is_there);
    }
    resolution_free(NULL);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_dropped_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
