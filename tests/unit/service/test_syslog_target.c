// SPDX-License-Identifier: Apache-2.0
#include "service/syslog_target.h"
#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/un.h>

static void test_methods(void **state)
{
    static const struct {
        const char *method;
        bool good;
    } table[] = {
        {"libc", true},
        {"null", true},
        {"unix:/dev/log", true},
        {"udp:127.0.0.1:514", true},
        {"udp:[::1]:514", true},
        {"", false},
        {"tcp:127.0.0.1:1", false},
        {"unix:", false},
        {"udp:127.0.0.1", false},
        {"udp:127.0.0.1:", false},
        {"udp:127.0.0.1:0", false},
        {"udp:127.0.0.1:65536", false},
        {"udp:127.0.0.1:5x", false},
        {"udp:localhost:514", false},
        {"udp:[127.0.0.1]:514", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct syslog_target *target = NULL;
        _cleanup_failure_ struct failure *failure =
            syslog_target_new(table[i].method, "tester", &target);

        assert_int_equal(target != NULL, table[i].good);
        assert_int_equal(failure != NULL, !table[i].good);
        syslog_target_free(target);
    }
}

static void expect_datagram(int fd, const char *expected)
{
    char bytes[256];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    assert_true(n >= 0);
    assert_slice_is((struct slice){bytes, (size_t)n}, expected);
}

static void test_unix(void **state)
{
    char folder[] = "/tmp/ovsdbd-syslog-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct syslog_target *target;
    char method[150];
    int fd;

    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/log", folder);
    snprintf(method, sizeof(method), "unix:%s", address.sun_path);
    assert_null(syslog_target_new(method, "tester", &target));
    assert_string_equal(syslog_target_prefix(target), "<%B>");
    syslog_target_send(target, LOG_DAEMON | LOG_INFO, SLICE("nobody is there yet"));
    for (int life = 0; life < 2; life++) {
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        syslog_target_send(target, LOG_DAEMON | LOG_INFO, SLICE("first"));
        syslog_target_send(target, LOG_DAEMON | LOG_INFO, SLICE("second"));
        if (!life) {
            expect_datagram(fd, "first");
        }
        // The second receiver is another socket; sending the first message detects that.
        expect_datagram(fd, "second");
        close(fd);
        unlink(address.sun_path);
    }
    syslog_target_free(target);
    rmdir(folder);
}

static void test_udp(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct syslog_target *target;
    char method[64];

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(method, sizeof(method), "udp:127.0.0.1:%u", ntohs(address.sin_port));
    assert_null(syslog_target_new(method, "tester", &target));
    syslog_target_send(target, LOG_DAEMON | LOG_INFO, SLICE("hello"));
    expect_datagram(fd, "hello");
    syslog_target_free(target);
    close(fd);
}

static void test_facilities(void **state)
{
    assert_int_equal(syslog_facility_parse("daemon"), LOG_DAEMON);
    assert_int_equal(syslog_facility_parse("LOCAL7"), LOG_LOCAL7);
    assert_int_equal(syslog_facility_parse("clock2"), 15 << 3);
    assert_int_equal(syslog_facility_parse("local8"), -1);
    assert_int_equal(syslog_facility_parse(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_facilities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
