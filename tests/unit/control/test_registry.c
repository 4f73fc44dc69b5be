// SPDX-License-Identifier: Apache-2.0
#include "control/call.h"
#include "unit.h"

#include <stdio.h>

struct fake_call {
    struct command_call call;
    unsigned n_answers;
    bool is_error;
    char text[256];
};

static void on_done(struct command_call *call, enum command_outcome outcome, const char *text,
                    json_t *reply)
{
    struct fake_call *fake = CONTAINER_OF(call, struct fake_call, call);

    fake->n_answers++;
    fake->is_error = outcome != COMMAND_DONE;
    snprintf(fake->text, sizeof(fake->text), "%s", text);
}

// Answers with its userdata and all its arguments.
static void on_show(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct buf text = {0};

    buf_puts(&text, *(const char **)userdata);
    for (int i = 0; i < argc; i++) {
        buf_printf(&text, " %s", argv[i]);
    }
    command_reply(call, buf_cstr(&text));
    buf_done(&text);
}

static struct command_registry *make_registry(void)
{
    static const struct command two[] = {{"show/two", "A B", 2, 2, on_show}, {NULL}};
    static const struct command any[] = {{"any", "[A]...", 0, -1, on_show}, {NULL}};
    static const struct command zero[] = {{"zero", "", 0, 0, on_show}, {NULL}};
    static const char *names[] = {"two", "any", "zero"};
    struct command_registry *registry = command_registry_new();

    command_register(registry, two, &names[0]);
    command_register(registry, any, &names[1]);
    command_register(registry, zero, &names[2]);
    return registry;
}

static void check(int argc, const char **argv, bool is_error, const char *expected)
{
    struct command_registry *registry = make_registry();
    struct fake_call fake = {.call = {.done = on_done, .may_change = true}};

    command_registry_run(registry, &fake.call, argc, (char **)argv);
    assert_int_equal(fake.n_answers, 1);
    assert_int_equal(fake.is_error, is_error);
    assert_string_equal(fake.text, expected);
    command_registry_free(registry);
}

#define CHECK(is_error, expected, ...)                                                             \
    do {                                                                                           \
        const char *argv_[] = {__VA_ARGS__, NULL};                                                 \
        check(ARRAY_SIZE(argv_) - 1, argv_, is_error, expected);                                   \
    } while (0)

static void test_run(void **state)
{
    CHECK(false, "two show/two a b", "show/two", "a", "b");
    CHECK(false, "any any", "any");
    CHECK(false, "any any 1 2 3", "any", "1", "2", "3");
    CHECK(true, "\"show/two\" command requires at least 2 arguments", "show/two", "a");
    CHECK(true, "\"show/two\" command takes at most 2 arguments", "show/two", "a", "b", "c");
    CHECK(true, "\"zero\" command takes at most 0 arguments", "zero", "a");
}

static void test_unknown(void **state)
{
    const char *expected =
        "\"anx\" is not a valid command (use \"list-commands\" to see a list of "
        "valid commands)";

    CHECK(true, expected, "anx");
    CHECK(true,
          "\"\" is not a valid command (use \"list-commands\" to see a list of valid commands)",
          "");
}

static void test_list(void **state)
{
    CHECK(false,
          "The available commands are:\n"
          "  any                     [A]...\n"
          "  list-commands           \n"
          "  set-options             [--format text|json]\n"
          "  show/two                A B\n"
          "  zero                    \n",
          "list-commands");
}

// A caller that is not allowed to change anything can run commands that only read.
static void test_denied(void **state)
{
    struct command_registry *registry = make_registry();
    struct fake_call fake = {.call.done = on_done};
    char *zero[] = {(char[]){"zero"}, NULL};
    char *list[] = {(char[]){"list-commands"}, NULL};

    command_registry_run(registry, &fake.call, 1, zero);
    assert_true(fake.is_error);
    assert_string_equal(fake.text,
                        "permission denied: \"zero\" is for root and the server's own user");
    command_registry_run(registry, &fake.call, 1, list);
    assert_false(fake.is_error);
    assert_int_equal(fake.n_answers, 2);
    command_registry_free(registry);
}

struct fake_watch {
    struct command_watch watch;
    unsigned n;
};

static void on_changed(struct command_watch *watch)
{
    CONTAINER_OF(watch, struct fake_watch, watch)->n++;
}

static void test_watch(void **state)
{
    struct command_registry *registry = make_registry();
    struct fake_watch fake = {.watch.changed = on_changed};

    assert_false(command_registry_is_watched(registry));
    command_registry_changed(registry);
    command_registry_watch(registry, &fake.watch);
    assert_true(command_registry_is_watched(registry));
    command_registry_changed(registry);
    assert_int_equal(fake.n, 1);
    list_remove(&fake.watch.node);
    assert_false(command_registry_is_watched(registry));
    command_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),    cmocka_unit_test(test_unknown), cmocka_unit_test(test_list),
        cmocka_unit_test(test_denied), cmocka_unit_test(test_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
