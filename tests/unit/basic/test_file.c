// SPDX-License-Identifier: Apache-2.0
#include "basic/file.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[] = "/tmp/test_file.XXXXXX";

static int set_up(void **state)
{
    return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    unlink("data");
    unlink("link");
    unlink("chain");
    unlink("loop");
    return chdir("/") || rmdir(folder);
}

static void test_write_and_read(void **state)
{
    _cleanup_close_ int fd = open("data", O_RDWR | O_CREAT, 0600);
    _cleanup_buf_ struct buf buf = {0};

    assert_true(fd >= 0);
    assert_int_equal(file_write_at(fd, "hello world", 11, 0), 0);
    assert_int_equal(file_write_at(fd, "W", 1, 6), 0);
    buf_puts(&buf, "> ");
    assert_int_equal(file_read("data", &buf), 0);
    assert_string_equal(buf_cstr(&buf), "> hello World");
    assert_int_equal(file_read("absent", &buf), -ENOENT);
    assert_int_equal(file_read(".", &buf), -EISDIR);
    assert_int_equal(file_read_soon(".", 5, &buf), -EISDIR);
    assert_int_equal(file_read_soon("absent", 5, &buf), -ENOENT);
    assert_int_equal(file_read_soon("/dev/zero", 100000, &buf), -EFBIG);
    assert_int_equal(file_sync_parent("data"), 0);
}

static uid_t owner_of_new(const char *name)
{
    _cleanup_close_ int fd = open(name, O_RDWR | O_CREAT, 0600);
    struct stat st;

    assert_true(fd >= 0);
    file_give_to_folder(fd, name);
    assert_int_equal(fstat(fd, &st), 0);
    unlink(name);
    return st.st_uid;
}

static void test_give_to_folder(void **state)
{
    if (geteuid()) {
        skip();
    }
    assert_int_equal(mkdir("service", 0755), 0);
    assert_int_equal(owner_of_new("service/x"), 0);
    assert_int_equal(chown("service", 1, 1), 0);
    assert_int_equal(owner_of_new("service/x"), 1);
    assert_int_equal(chmod("service", 01777), 0);
    assert_int_equal(owner_of_new("service/x"), 0);
    assert_int_equal(rmdir("service"), 0);
}

static void test_resolve(void **state)
{
    _cleanup_free_ char *expected = xasprintf("%s/data", folder);
    _cleanup_free_ char *direct = NULL, *linked = NULL, *chained = NULL, *dangling = NULL;
    char *loop = NULL;

    assert_int_equal(symlink("data", "link"), 0);
    assert_int_equal(symlink("link", "chain"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(file_resolve("data", &direct), 0);
    assert_string_equal(direct, expected);
    assert_int_equal(file_resolve("link", &linked), 0);
    assert_string_equal(linked, expected);
    assert_int_equal(file_resolve("chain", &chained), 0);
    assert_string_equal(chained, expected);
    assert_int_equal(unlink("data"), 0);
    assert_int_equal(file_resolve("chain", &dangling), 0);
    assert_string_equal(dangling, expected);
    assert_int_equal(file_resolve("loop", &loop), -ELOOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_give_to_folder),
        cmocka_unit_test(test_resolve),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
