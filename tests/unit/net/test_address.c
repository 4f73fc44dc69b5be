// SPDX-License-Identifier: Apache-2.0
// Parsing of targets, by the table in targets.txt, and the targets of socket addresses.
#include "net/address.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *const kinds[] = {
    [ADDRESS_UNIX] = "unix", [ADDRESS_TCP] = "tcp", [ADDRESS_TLS] = "tls"};

static char *describe(const struct address *address)
{
    const char *host = address->kind == ADDRESS_UNIX ? address->path : address->host;

    return xasprintf("%s %s %s %u", kinds[address->kind],
                     address->is_passive ? "passive" : "active", host ? host : "*", address->port);
}

static void check_line(const char *target, const char *expected)
{
    struct address address;
    struct failure *failure = address_parse(target, &address);
    _cleanup_free_ char *result = NULL;

    if (!strncmp(expected, "error: ", 7)) {
        assert_non_null(failure);
        assert_int_equal(strncmp(failure_text(failure), target, strlen(target)), 0);
        assert_failure(failure, EINVAL, expected + 7);
    } else {
        assert_no_failure(failure);
        result = describe(&address);
        address_done(&address);
        assert_string_equal(result, expected);
    }
}

static void test_table(void **state)
{
    FILE *file = fopen(TARGETS_FILE, "r");
    char line[256];
    unsigned n = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *bar = strstr(line, " | ");

        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#') {
            assert_non_null(bar);
            *bar = '\0';
            check_line(line, bar + 3);
            n++;
        }
    }
    fclose(file);
    assert_true(n >= 60);
}

static void test_long_names(void **state)
{
    char target[400] = "tcp:";
    struct address address;

    memset(target + 4, 'a', 253);
    assert_no_failure(address_parse(target, &address));
    address_done(&address);
    target[4 + 253] = 'a';
    assert_failure(address_parse(target, &address), EINVAL, target);
}

// Converts a target to a socket address and back.
static void check_round_trip(const char *target, const char *back)
{
    struct address address;
    struct endpoint endpoint;
    char *result;

    assert_no_failure(address_parse(target, &address));
    assert_true(address_endpoint(&address, &endpoint));
    assert_int_equal(address_port(&endpoint), address.port);
    result = address_target(&endpoint, address.is_passive);
    assert_string_equal(result, back);
    free(result);
    address_done(&address);
}

static void test_endpoints(void **state)
{
    struct address address;
    struct endpoint endpoint;

    check_round_trip("ptcp:", "ptcp:6640");
    check_round_trip("ptcp:0:0.0.0.0", "ptcp:0");
    check_round_trip("ptcp:7:192.0.2.1", "ptcp:7:192.0.2.1");
    check_round_trip("ptcp:7:[::]", "ptcp:7:[::]");
    check_round_trip("ptcp:7:[fe80::1%lo]", "ptcp:7:[fe80::1%lo]");
    check_round_trip("tcp:192.0.2.1", "tcp:192.0.2.1:6640");
    check_round_trip("tcp:[2001:DB8:0::1]:9", "tcp:[2001:db8::1]:9");
    check_round_trip("tcp:[::ffff:192.0.2.1]:9", "tcp:192.0.2.1:9");
    assert_no_failure(address_parse("tcp:localhost", &address));
    assert_false(address_endpoint(&address, &endpoint));
    address_done(&address);
}

static void check_unix_target(const void *path, size_t size, bool is_passive, const char *expected)
{
    struct endpoint endpoint = {.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)};
    char *result;

    endpoint.un.sun_family = AF_UNIX;
    memcpy(endpoint.un.sun_path, path, size);
    result = address_target(&endpoint, is_passive);
    assert_string_equal(result, expected);
    free(result);
}

static void test_unix_targets(void **state)
{
    char longest[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct endpoint endpoint = {.size = sizeof(endpoint.sa)};
    char *expected;

    check_unix_target("/run/x", 7, true, "punix:/run/x");
    check_unix_target("/run/x", 7, false, "unix:/run/x");
    check_unix_target("", 0, false, "unix:");
    check_unix_target("\0name", 5, true, "punix:@name");
    memset(longest, 'x', sizeof(longest)); // the kernel may leave no room for a NUL
    expected = xasprintf("punix:%.*s", (int)sizeof(longest), longest);
    check_unix_target(longest, sizeof(longest), true, expected);
    free(expected);
    endpoint.sa.sa_family = AF_NETLINK;
    assert_null(address_target(&endpoint, true));
}

static void test_unix_endpoints(void **state)
{
    char folder[] = "/tmp/ovsdbd-address-XXXXXX";
    struct endpoint endpoint;
    int fd;
    char *deep, *path;

    assert_non_null(mkdtemp(folder));
    setenv("OVS_RUNDIR", "/run/there", 1);
    assert_int_equal(address_unix_endpoint("x", &endpoint, &fd), 0);
    assert_string_equal(endpoint.un.sun_path, "/run/there/x");
    assert_int_equal(fd, -1);
    deep = xasprintf("%s/%0100d", folder, 0);
    assert_int_equal(mkdir(deep, 0700), 0);
    path = xasprintf("%s/x", deep);
    assert_int_equal(address_unix_endpoint(path, &endpoint, &fd), 0);
    assert_true(fd >= 0);
    assert_memory_equal(endpoint.un.sun_path, "/proc/self/fd/", 14);
    close(fd);
    free(path);
    path = xasprintf("%s/%0100d", deep, 1);
    assert_int_equal(address_unix_endpoint(path, &endpoint, &fd), -ENAMETOOLONG);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(address_unix_endpoint(path, &endpoint, &fd), -ENOENT);
    assert_int_equal(rmdir(folder), 0);
    free(path);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_endpoints),      cmocka_unit_test(test_unix_targets),
        cmocka_unit_test(test_unix_endpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
