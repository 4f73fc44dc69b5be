// SPDX-License-Identifier: Apache-2.0
// The rules of the kernel are tested in a forked process, by system calls without confine_check().
#include "service/confine.h"
#include "service/landlock.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/ovsdbd-confine-XXXXXX";

static char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

static void write_file(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static int make_world(void **state)
{
    static const char *const folders[] = {"run",  "log",  "db",  "etc", "etc/openvswitch",
                                          "else", "more", "logs"};

    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        assert_int_equal(mkdir(path_of(folders[i]), 0700), 0);
    }
    setenv("OVS_RUNDIR", path_of("run"), 1);
    setenv("OVS_LOGDIR", path_of("log"), 1);
    setenv("OVS_DBDIR", path_of("db"), 1);
    setenv("OVS_SYSCONFDIR", path_of("etc"), 1);
    write_file("db/a.db");
    write_file("else/secret");
    write_file("more/b.db");
    write_file("etc/openvswitch/key.pem");
    assert_int_equal(symlink(path_of("else/secret"), path_of("db/link")), 0);
    assert_int_equal(symlink(path_of("else/new"), path_of("db/dangling")), 0);
    return 0;
}

static int remove_world(void **state)
{
    char command[300];

    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void expect_allowed(enum confine_use use, const char *path)
{
    assert_no_failure(confine_check(use, path));
}

static void expect_refused(enum confine_use use, const char *path)
{
    struct failure *failure = confine_check(use, path);

    assert_non_null(failure);
    assert_int_equal(strncmp(failure_text(failure), path, strlen(path)), 0);
    assert_failure(failure, EINVAL, "outside the folders");
}

static void test_check(void **state)
{
    expect_allowed(CONFINE_DATABASE, "/etc/passwd"); // not enabled
    confine_enable();
    expect_refused(CONFINE_DATABASE, "/etc/passwd");
    expect_allowed(CONFINE_DATABASE, path_of("db/a.db"));
    expect_allowed(CONFINE_DATABASE, path_of("db/new.db"));
    expect_allowed(CONFINE_SOCKET, path_of("run/x.sock"));
    expect_allowed(CONFINE_LOG, path_of("log/x.log"));
    expect_allowed(CONFINE_READ, path_of("etc/openvswitch/key.pem"));
    expect_refused(CONFINE_DATABASE, path_of("etc/openvswitch/key.pem"));
    expect_refused(CONFINE_DATABASE, path_of("else/secret"));
    expect_refused(CONFINE_DATABASE, path_of("db/../else/secret"));
    expect_refused(CONFINE_DATABASE, path_of("db/link"));
    expect_refused(CONFINE_DATABASE, path_of("db/dangling"));
    expect_refused(CONFINE_DATABASE, path_of("db2"));
    expect_allowed(CONFINE_DATABASE, path_of("db/no-folder/x")); // opening it fails
    confine_done();
    expect_allowed(CONFINE_DATABASE, "/etc/passwd");
}

static void test_allow(void **state)
{
    confine_allow(CONFINE_LOG, path_of("logs/x")); // not enabled: nothing
    confine_enable();
    expect_refused(CONFINE_LOG, path_of("logs/x"));
    confine_allow(CONFINE_LOG, path_of("logs/x"));
    expect_allowed(CONFINE_LOG, path_of("logs/x"));
    expect_refused(CONFINE_DATABASE, path_of("logs/x"));
    expect_refused(CONFINE_SOCKET, path_of("logs/x"));
    confine_allow(CONFINE_DATABASE, path_of("db/link"));
    expect_allowed(CONFINE_DATABASE, path_of("else/secret"));
    confine_done();
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            _exit(__LINE__ % 250 + 1);                                                             \
        }                                                                                          \
    } while (0)

static bool can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static bool denied(const char *path, int flags)
{
    return !can_open(path, flags) && errno == EACCES;
}

static bool can_bind(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ok = !bind(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
    return ok;
}

static void *in_a_thread(void *argument)
{
    return denied("/etc/shadow", O_RDONLY) && denied(argument, O_RDONLY) ? argument : NULL;
}

static void break_out(void)
{
    char secret[256]; // path_of() reuses its memory
    pthread_t thread;
    void *result;

    snprintf(secret, sizeof(secret), "%s/else/secret", root);
    CHECK(denied(secret, O_RDONLY) && denied(secret, O_WRONLY));
    CHECK(denied(path_of("db/link"), O_RDONLY));
    CHECK(denied(path_of("else/new"), O_WRONLY | O_CREAT) && denied("/", O_RDONLY | O_DIRECTORY));
    CHECK(denied("/etc/shadow", O_RDONLY) && denied("/proc/1/environ", O_RDONLY));
    CHECK(denied("/proc/self/root/etc/shadow", O_RDONLY));
    CHECK(denied("/dev/zero", O_RDONLY));
    CHECK(unlink(secret) && errno == EACCES);
    CHECK(truncate(secret, 0) && errno == EACCES);
    CHECK(rename(secret, path_of("db/mine")) && link(secret, path_of("db/mine")));
    CHECK(rename(path_of("db/a.db"), path_of("run/a.db")));
    CHECK(symlink("/etc/shadow", path_of("db/shadow")) && mkdir(path_of("db/folder"), 0700));
    CHECK(!can_bind(path_of("else/sock")) && !can_bind(path_of("logs/sock")));
    CHECK(execl("/bin/sh", "sh", "-c", "exit 0", NULL) && errno == EACCES);
    CHECK(kill(getppid(), SIGCONT));
    CHECK(!pthread_create(&thread, NULL, in_a_thread, secret));
    CHECK(!pthread_join(thread, &result) && result);
}

static void work(void)
{
    CHECK(can_open(path_of("db/a.db"), O_RDWR));
    CHECK(can_open(path_of("db/a.db.new"), O_RDWR | O_CREAT | O_EXCL | O_TRUNC));
    CHECK(!rename(path_of("db/a.db.new"), path_of("db/a.db")));
    CHECK(can_open(path_of("db"), O_RDONLY | O_DIRECTORY)); // to sync it
    CHECK(can_open(path_of("more/b.db"), O_RDWR) &&
          can_open(path_of("logs/x"), O_WRONLY | O_CREAT));
    CHECK(!unlink(path_of("db/a.db")) && can_bind(path_of("run/sock")));
    CHECK(can_open("/dev/null", O_RDWR) && can_open("/etc/hosts", O_RDONLY));
    CHECK(can_open(path_of("etc/openvswitch/key.pem"), O_RDONLY));
    CHECK(denied(path_of("etc/openvswitch/key.pem"), O_RDWR));
}

static void test_break_out(void **state)
{
    int ruleset = landlock_new();
    int status;
    pid_t pid;

    if (ruleset < 0) {
        skip();
    }
    close(ruleset);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        confine_enable();
        confine_allow(CONFINE_DATABASE, path_of("more/b.db"));
        confine_allow(CONFINE_LOG, path_of("logs/x"));
        CHECK(can_open(path_of("else/secret"), O_RDWR)); // what is tried can be done at all
        CHECK(!confine_enforce());
        break_out();
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_nothing_is_enforced_unless_enabled(void **state)
{
    assert_no_failure(confine_enforce());
    assert_true(can_open(path_of("else/secret"), O_RDWR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_nothing_is_enforced_unless_enabled),
        cmocka_unit_test(test_break_out),
    };

    return cmocka_run_group_tests(tests, make_world, remove_world);
}
