// SPDX-License-Identifier: Apache-2.0
// The test acts as the journal, in a mount namespace of its own where it has the journal's socket.
#include "service/journal.h"
#include "unit.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void test_is_stderr(void **state)
{
    struct stat st;
    char stream[64];

    unsetenv("JOURNAL_STREAM");
    assert_false(journal_is_stderr());
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_true(journal_is_stderr());
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_false(journal_is_stderr());
    setenv("JOURNAL_STREAM", "nonsense", 1);
    assert_false(journal_is_stderr());
}

// Makes the journal's socket. Returns -1 if this user cannot make a namespace.
static int own_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir("/run/systemd", 0755) ||
        mkdir("/run/systemd/journal", 0755) ||
        bind(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void test_send(void **state)
{
    struct log_module module = {.name = "store"};
    struct log_field fields[] = {{"OVSDB_DATABASE", "d"}, {"OVSDB_TABLE", NULL}, {NULL, NULL}};
    struct log_record record = {.module = &module,
                                .level = LOG_LEVEL_WARN,
                                .message_id = "0123456789abcdef0123456789abcdef",
                                .fields = fields,
                                .message = "the disk is full"};
    int fd = own_journal();
    char bytes[2048] = "\n";

    if (fd < 0) {
        skip();
    }
    assert_int_equal(journal_send(&record, "ovsdb-server"), 0);
    assert_true(recv(fd, bytes + 1, sizeof(bytes) - 2, MSG_DONTWAIT) > 0);
    assert_non_null(strstr(bytes, "\nMESSAGE=the disk is full\n"));
    assert_non_null(strstr(bytes, "\nPRIORITY=4\n"));
    assert_non_null(strstr(bytes, "\nSYSLOG_IDENTIFIER=ovsdb-server\n"));
    assert_non_null(strstr(bytes, "\nOVSDB_MODULE=store\n"));
    assert_non_null(strstr(bytes, "\nMESSAGE_ID=0123456789abcdef0123456789abcdef\n"));
    assert_non_null(strstr(bytes, "\nOVSDB_DATABASE=d\n"));
    assert_null(strstr(bytes, "OVSDB_TABLE"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_stderr),
        cmocka_unit_test(test_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
