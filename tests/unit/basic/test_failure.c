// SPDX-License-Identifier: Apache-2.0
#include "basic/failure.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

static void test_kind_and_text(void **state)
{
    static const int errors[] = {EIO, EINVAL, ENOENT, EBUSY, EBADMSG};
    static const char *const names[] = {"system", "invalid", "missing", "busy", "damaged"};

    for (enum failure_kind kind = 0; kind < FAILURE_N_KINDS; kind++) {
        _cleanup_failure_ struct failure *failure = failure_new(kind, "line %d", 7);

        assert_int_equal(failure_kind(failure), kind);
        assert_int_equal(failure_errno(failure), errors[kind]);
        assert_string_equal(failure_kind_name(kind), names[kind]);
        assert_string_equal(failure_text(failure), "line 7");
    }
}

static void test_from_errno(void **state)
{
    static const struct {
        int error;
        enum failure_kind kind;
    } cases[] = {{ENOENT, FAILURE_MISSING},  {EBUSY, FAILURE_BUSY},    {EAGAIN, FAILURE_BUSY},
                 {EADDRINUSE, FAILURE_BUSY}, {ENOSPC, FAILURE_SYSTEM}, {EACCES, FAILURE_SYSTEM}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_failure_ struct failure *positive = failure_from_errno(cases[i].error, "a");
        _cleanup_failure_ struct failure *negative = failure_from_errno(-cases[i].error, "a");

        assert_int_equal(failure_kind(positive), cases[i].kind);
        assert_int_equal(failure_errno(positive), cases[i].error);
        assert_int_equal(failure_errno(negative), cases[i].error);
        assert_string_equal(failure_text(positive), failure_text(negative));
    }
}

static void test_errno_with_own_text(void **state)
{
    struct failure *failure = failure_new_errno(-EADDRINUSE, "port %d is in use", 7);

    assert_int_equal(failure_kind(failure), FAILURE_BUSY);
    assert_string_equal(failure_text(failure), "port 7 is in use");
    assert_failure(failure, EADDRINUSE, "");
}

static void test_copy(void **state)
{
    struct failure *failure = failure_new_errno(ECANCELED, "stopped"),
                   *copy = failure_copy(failure);

    failure_free(failure);
    assert_int_equal(failure_kind(copy), FAILURE_SYSTEM);
    assert_failure(copy, ECANCELED, "stopped");
    assert_null(failure_copy(NULL));
}

static void test_keep_first(void **state)
{
    struct failure *first = NULL;

    failure_keep_first(&first, NULL);
    assert_null(first);
    failure_keep_first(&first, failure_new(FAILURE_INVALID, "one"));
    failure_keep_first(&first, failure_new(FAILURE_INVALID, "two"));
    failure_keep_first(&first, NULL);
    assert_failure(first, EINVAL, "one");
}

static void test_errno_is_kept(void **state)
{
    _cleanup_failure_ struct failure *failure = NULL;

    errno = EINTR;
    failure = failure_from_errno(ENOSPC, "%s", "conf.db");
    assert_int_equal(errno, EINTR);
    assert_string_equal(failure_text(failure), "conf.db: No space left on device");
}

static void test_prefix(void **state)
{
    _cleanup_failure_ struct failure *failure = failure_new(FAILURE_INVALID, "no such key");

    failure = failure_prefix(failure, "line %d", 3);
    failure = failure_prefix(failure, "%s", "a.conf");
    assert_string_equal(failure_text(failure), "a.conf: line 3: no such key");
    assert_int_equal(failure_kind(failure), FAILURE_INVALID);
    assert_null(failure_prefix(NULL, "x"));
}

static void test_take_text(void **state)
{
    _cleanup_free_ char *text = failure_take_text(failure_new(FAILURE_BUSY, "locked"));

    assert_string_equal(text, "locked");
    assert_null(failure_take_text(NULL));
    failure_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind_and_text), cmocka_unit_test(test_from_errno),
        cmocka_unit_test(test_errno_is_kept), cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_take_text),     cmocka_unit_test(test_errno_with_own_text),
        cmocka_unit_test(test_copy),          cmocka_unit_test(test_keep_first),
    };

    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
