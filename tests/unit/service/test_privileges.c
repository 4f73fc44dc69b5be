// SPDX-License-Identifier: Apache-2.0
// Privileges are dropped in forked processes, because that cannot be undone.
#include "service/privileges.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void skip_unless_root(void)
{
    if (geteuid()) {
        skip();
    }
}

static void expect_refused(const char *spec, const char *part)
{
    struct identity identity = {0};
    struct failure *failure = identity_parse(spec, &identity);

    assert_non_null(failure);
    assert_non_null(strstr(failure_text(failure), spec));
    assert_failure(failure, 0, part);
    identity_done(&identity);
}

static void expect_identity(const char *spec, uid_t uid, gid_t gid, const char *user)
{
    struct identity identity = {0};

    assert_no_failure(identity_parse(spec, &identity));
    assert_int_equal(identity.uid, uid);
    assert_int_equal(identity.gid, gid);
    assert_string_equal(identity.user, user);
    identity_done(&identity);
}

static void test_parse(void **state)
{
    skip_unless_root();
    expect_identity("daemon", 1, 1, "daemon");
    expect_identity("daemon:", 1, 1, "daemon");
    expect_identity("daemon:daemon", 1, 1, "daemon");
    expect_identity(":root", 0, 0, "root");
    expect_refused("no-such-user", "there is no user no-such-user");
    expect_refused("daemon:no-such-group", "there is no group no-such-group");
    expect_refused("daemon:root", "user daemon is not in group root");
    expect_refused(":daemon", "user root is not in group daemon");
}

static void test_only_root(void **state)
{
    pid_t pid;
    int status;

    skip_unless_root();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct identity identity = {0};
        struct failure *failure;

        if (setresuid(1, 1, 1)) {
            _exit(9);
        }
        failure = identity_parse("daemon", &identity);
        status = !failure;
        failure_free(failure);
        _exit(status);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static bool has(cap_flag_t flag, cap_value_t capability)
{
    cap_flag_value_t value = CAP_CLEAR;
    cap_t caps = cap_get_proc();

    cap_get_flag(caps, capability, flag, &value);
    cap_free(caps);
    return value == CAP_SET;
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            _exit(__LINE__ % 250 + 1);                                                             \
        }                                                                                          \
    } while (0)

static void check_dropped(uid_t uid, gid_t gid)
{
    CHECK(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
    CHECK(has(CAP_EFFECTIVE, CAP_NET_BIND_SERVICE));
    for (cap_value_t value = 0; value < cap_max_bits(); value++) {
        bool kept = value == CAP_NET_BIND_SERVICE;

        CHECK(has(CAP_PERMITTED, value) == kept && has(CAP_EFFECTIVE, value) == kept);
        CHECK(!has(CAP_INHERITABLE, value) && cap_get_ambient(value) <= 0);
        CHECK(kept || !cap_get_bound(value));
    }
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    CHECK(!uid || (setuid(0) && open("/etc/shadow", O_RDONLY) < 0));
}

static void become(const char *spec, uid_t uid, gid_t gid)
{
    pid_t pid;
    int status;

    skip_unless_root();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct identity identity = {0};

        CHECK(!identity_parse(spec, &identity) && !privileges_become(&identity));
        check_dropped(uid, gid);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_become_another(void **state)
{
    become("daemon", 1, 1);
}

static void test_become_root(void **state)
{
    become("root", 0, 0);
}

static void test_trim(void **state)
{
    pid_t pid;
    int status;

    skip_unless_root();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        CHECK(!privileges_trim());
        CHECK(has(CAP_EFFECTIVE, CAP_DAC_OVERRIDE) && has(CAP_EFFECTIVE, CAP_NET_BIND_SERVICE));
        CHECK(!has(CAP_PERMITTED, CAP_SYS_ADMIN) && !has(CAP_PERMITTED, CAP_SYS_PTRACE));
        CHECK(!has(CAP_PERMITTED, CAP_SETUID) && !has(CAP_PERMITTED, CAP_NET_ADMIN));
        CHECK(!cap_get_bound(CAP_SYS_MODULE));
        // Not setuid() of the C library, which would also change a thread of the sanitizer that has
        // kept its privileges.
        CHECK(syscall(SYS_setresuid, 1, 1, 1) != 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_only_root),
        cmocka_unit_test(test_become_another), cmocka_unit_test(test_become_root),
        cmocka_unit_test(test_trim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
