// SPDX-License-Identifier: Apache-2.0
#include "basic/log.h"
#include "unit.h"

#include <stdio.h>

LOG_MODULE(test_module);

static int n_messages;
static char last_message[200];
static enum log_level last_level;

static void sink(const struct log_record *record)
{
    n_messages++;
    last_level = record->level;
    snprintf(last_message, sizeof(last_message), "%s: %s", record->module->name, record->message);
}

static int set_up(void **state)
{
    log_set_sink(sink);
    log_set_level(NULL, -1, LOG_LEVEL_INFO);
    n_messages = 0;
    return 0;
}

static void test_levels(void **state)
{
    uint64_t n_warnings = log_counts[LOG_LEVEL_WARN];

    log_dbg("hidden");
    assert_int_equal(n_messages, 0);
    log_warn("shown %d", 5);
    assert_int_equal(n_messages, 1);
    assert_string_equal(last_message, "test_module: shown 5");
    assert_int_equal(last_level, LOG_LEVEL_WARN);
    assert_int_equal(log_counts[LOG_LEVEL_WARN], n_warnings + 1);
    log_set_level(log_module_find("TEST_MODULE"), LOG_TO_FILE, LOG_LEVEL_DBG);
    log_dbg("shown in the file");
    assert_int_equal(n_messages, 2);
    log_set_level(log_module_find("test_module"), -1, LOG_LEVEL_OFF);
    log_emer("hidden");
    assert_int_equal(n_messages, 2);
}

static void test_level_of_later_modules(void **state)
{
    log_set_level(NULL, LOG_TO_CONSOLE, LOG_LEVEL_ERR);
    assert_int_equal(log_module_get("a_later_one")->levels[LOG_TO_CONSOLE], LOG_LEVEL_ERR);
    assert_ptr_equal(log_module_get("a_later_one"), log_module_find("a_later_one"));
    assert_null(log_module_find("never_made"));
}

static void test_limit(void **state)
{
    struct log_limit limit = LOG_LIMIT_INIT(1, 3);

    for (int i = 0; i < 10; i++) {
        log_limited(&limit, LOG_LEVEL_WARN, "again");
    }
    assert_int_equal(n_messages, 3);
    assert_int_equal(limit.dropped, 7);
}

static void test_names(void **state)
{
    enum log_level level;
    enum log_destination destination;

    assert_true(log_level_parse("dBg", &level));
    assert_int_equal(level, LOG_LEVEL_DBG);
    assert_false(log_level_parse("loud", &level));
    assert_string_equal(log_level_name(LOG_LEVEL_EMER), "EMER");
    assert_true(log_destination_parse("Console", &destination));
    assert_int_equal(destination, LOG_TO_CONSOLE);
    assert_false(log_destination_parse("paper", &destination));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_levels, set_up),
        cmocka_unit_test_setup(test_level_of_later_modules, set_up),
        cmocka_unit_test_setup(test_limit, set_up),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
