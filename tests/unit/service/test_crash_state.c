// SPDX-License-Identifier: Apache-2.0
// A text that survives the process that wrote it.
#include "service/crash_state.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect(int fd, const char *expected)
{
    _cleanup_buf_ struct buf text = {0};

    assert_int_equal(crash_state_read(fd, &text), 0);
    assert_slice_is(buf_slice(&text), expected);
}

static void expect_none(int fd)
{
    _cleanup_buf_ struct buf text = {0};

    assert_int_equal(crash_state_read(fd, &text), -ENODATA);
    assert_int_equal(text.size, 0);
}

static void test_texts_replace_each_other(void **state)
{
    _cleanup_close_ int fd = crash_state_new();

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    expect_none(fd);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crash_state_write(fd, SLICE("a long text")), 0);
        expect(fd, "a long text");
        assert_int_equal(crash_state_write(fd, SLICE("short")), 0);
        expect(fd, "short");
    }
    assert_int_equal(crash_state_write(fd, SLICE_EMPTY), 0);
    expect_none(fd);
}

static void test_another_process_reads_it(void **state)
{
    _cleanup_close_ int fd = crash_state_new();
    pid_t pid = fork();
    int status;

    if (!pid) {
        _exit(crash_state_write(fd, SLICE("from the child")) ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect(fd, "from the child");
}

static void test_a_text_that_is_too_long(void **state)
{
    _cleanup_close_ int fd = crash_state_new();
    _cleanup_free_ char *data = calloc(1, CRASH_STATE_MAX + 1);

    assert_int_equal(crash_state_write(fd, SLICE("before")), 0);
    assert_int_equal(crash_state_write(fd, (struct slice){data, CRASH_STATE_MAX + 1}), -EFBIG);
    expect(fd, "before");
    assert_int_equal(crash_state_write(fd, (struct slice){data, CRASH_STATE_MAX}), 0);
}

// The process ended after writing the text and before writing the header.
static void test_a_write_that_was_not_finished(void **state)
{
    _cleanup_close_ int fd = crash_state_new();

    assert_int_equal(crash_state_write(fd, SLICE("the first")), 0);
    assert_int_equal(pwrite(fd, "a second", 8, 4096 + (off_t)CRASH_STATE_MAX), 8);
    expect(fd, "the first");
}

static void test_other_files(void **state)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    _cleanup_close_ int fd = crash_state_new();
    int ends[2];

    expect_none(null);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    expect_none(ends[0]);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(pwrite(fd, "ovsdbd01\1\0\0\0\0\0\0\0\377\377\0\0\0\0\0\0", 24, 0), 24);
    expect_none(fd); // it ends before the text does
    assert_int_equal(pwrite(fd, "ovsdbd01\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 24, 0), 24);
    expect_none(fd); // there is no such slot
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_replace_each_other),
        cmocka_unit_test(test_another_process_reads_it),
        cmocka_unit_test(test_a_text_that_is_too_long),
        cmocka_unit_test(test_a_write_that_was_not_finished),
        cmocka_unit_test(test_other_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
