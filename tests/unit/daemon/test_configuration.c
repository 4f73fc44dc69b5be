// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/load.h"
#include "unit.h"

#include <stdlib.h>

static void put_options(struct buf *text, const struct remote_options *options)
{
    buf_printf(text, "(%llu,%llu,%d)", (unsigned long long)options->probe_interval_ms,
               (unsigned long long)options->max_backoff_ms, options->dscp);
}

// The content of the configuration in one line.
static void put(struct buf *text, const struct configuration *config)
{
    for (size_t i = 0; i < config->n_options; i++) {
        buf_printf(text, "%s=%s;", config->options[i].name, config->options[i].value);
    }
    for (size_t i = 0; i < config->n_databases; i++) {
        const struct config_database *database = &config->databases[i];

        buf_printf(text, "%s(%s,%s", database->file, database->schema ? database->schema : "",
                   database->source ? database->source : "");
        if (database->source_options.probe_interval_ms != UINT64_MAX) {
            put_options(text, &database->source_options);
        }
        buf_printf(text, ",%s,%s,%s);", database->exclude_tables ? database->exclude_tables : "",
                   database->service_model ? database->service_model : "",
                   database->backup ? "backup" : "");
    }
    for (size_t i = 0; i < config->n_remotes; i++) {
        const struct remote_settings *settings = &config->remotes[i].settings;

        buf_printf(text, "%s(%lld,%lld,%d,%s,%s);", config->remotes[i].target,
                   (long long)settings->options.probe_interval_ms,
                   (long long)settings->options.max_backoff_ms, settings->options.dscp,
                   settings->read_only ? "read-only" : "", settings->role ? settings->role : "");
    }
}

static void test_valid_files(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } table[] = {
        {"", ""},
        {"# only\n\n ; comments\r\n", ""},
        {"[options]\nverbose = file:dbg\n detach\t=yes \nlog-file=\nssl-ciphers = A#b;c=d\n",
         "verbose=file:dbg;detach=yes;log-file=;ssl-ciphers=A#b;c=d;"},
        {"[database a.db]\nschema = s.ovsschema\n[database /b/c d.db]",
         "/x/a.db(/s/s.ovsschema,,,,);/b/c d.db(,,,,);"},
        {"[database a]\nsource=tcp:1.2.3.4:5\nbackup=yes\nexclude-tables=A,B\n"
         "service-model = active-backup\n",
         "/x/a(,tcp:1.2.3.4:5,A,B,active-backup,backup);"},
        {"[database a]\nsource=tcp:1.2.3.4:5,ssl:b:6\nbackup=yes\n[database b]\nsource=unix:x\n"
         "[database c]",
         "/x/a(,tcp:1.2.3.4:5,ssl:b:6,,,backup);/x/b(,unix:x,,,);/x/c(,,,,);"},
        {"[remote ptcp:1]\ninactivity-probe=0\nmax-backoff=7\ndscp=10\nread-only=on\nrole=r\n",
         "ptcp:1(0,7,10,read-only,r);"},
        {"[ remote  db:A,B,C ]\n[remote punix:x]\nread-only=no",
         "db:A,B,C(-1,0,-1,,);"
         "punix:x(-1,0,-1,,);"},
        {"[identity user:x]\nrole = r\nread-only = yes\n[identity tls]\n",
         "identity=user:x,role=r,read-only=yes;identity=tls;"},
        {"{}", ""},
        {" \n{\"remotes\": {}, \"databases\": {}}", ""},
        {"{\"remotes\": {\"ptcp:1\": {\"inactivity-probe\": 5, \"read-only\": true,"
         " \"role\": \"r\", \"dscp\": 0, \"max-backoff\": 8000}, \"punix:a\": null}}",
         "ptcp:1(5,8000,0,read-only,r);punix:a(-1,0,-1,,);"},
        {"{\"databases\": {\"a.db\": {\"service-model\": \"standalone\"}, \"b.db\": null}}",
         "/x/a.db(,,,standalone,);/x/b.db(,,,,);"},
        {"{\"databases\": {\"a.db\": {\"service-model\": \"active-backup\", \"backup\": true,"
         " \"source\": {\"tcp:1.2.3.4:5\": null}, \"exclude-tables\": [\"A\", \"B\"]}}}",
         "/x/a.db(,tcp:1.2.3.4:5,A,B,active-backup,backup);"},
        {"[database A]\nservice-model = relay\nsource = tcp:1.2.3.4:5,ssl:b:6\n",
         "relay:A:tcp:1.2.3.4:5,ssl:b:6(,,,relay,);"},
        {"{\"databases\": {\"A\": {\"service-model\": \"relay\", \"source\":"
         " {\"tcp:1.2.3.4:5,ssl:b:6\": null}}}}",
         "relay:A:tcp:1.2.3.4:5,ssl:b:6(,,,relay,);"},
        {"{\"databases\": {\"a.db\": {\"source\": {\"tcp:1.2.3.4:5\": {}}, \"backup\": false}}}",
         "/x/a.db(,tcp:1.2.3.4:5,,,);"},
        {"{\"databases\": {\"a.db\": {\"source\": {\"tcp:1.2.3.4:5\": {\"inactivity-probe\": 7,"
         " \"max-backoff\": 8, \"dscp\": 9}}}}}",
         "/x/a.db(,tcp:1.2.3.4:5(7,8,9),,,);"},
        {"[database a.db]\nsource=tcp:1.2.3.4:5\nsource-inactivity-probe=7\nsource-dscp=9\n",
         "/x/a.db(,tcp:1.2.3.4:5(7,0,9),,,);"},
        {"\xef\xbb\xbf[options]\na=b\n", "a=b;"},
        {"\xef\xbb\xbf{\"remotes\": {\"punix:a\": null}}", "punix:a(-1,0,-1,,);"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct configuration config = {0};
        struct buf text = {0};

        assert_null(configuration_parse("F", slice_of(table[i].text), &config));
        put(&text, &config);
        assert_slice_is(buf_slice(&text), table[i].expected);
        buf_done(&text);
        configuration_done(&config);
    }
}

static void test_invalid_files(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } table[] = {
        {"a = b", "F:1: a: a key before the first section"},
        {"\n[nonsense]", "F:2: unknown section \"nonsense\""},
        {"[]", "F:1: unknown section \"\""},
        {"[", "F:1: \"]\" is missing at the end of the line"},
        {"[options", "F:1: \"]\" is missing at the end of the line"},
        {"[options x]", "F:1: the section \"options\" has no name"},
        {"[options]\n# c\nword", "F:3: neither a [section] nor key = value"},
        {"[database]", "F:1: a database needs the name of its file"},
        {"[database a]\n[database /x/a]", "F:2: database /x/a: given twice"},
        {"[database a]\ncolour = red", "F:2: colour: unknown key in the section \"database\""},
        {"[database a]\nbackup = maybe", "F:2: backup: yes or no is expected"},
        {"[database a]\nschema=b\nschema=c", "F:3: schema: given twice"},
        {"[database a]\nsource = ptcp:1",
         "F:2: source: \"ptcp:1\" is not a server to connect to, as tcp:HOST:PORT"},
        {"[database a]\nbackup = yes", "F: database /x/a: backup needs a source"},
        {"[database a]\nexclude-tables = T", "F: database /x/a: exclude-tables needs a source"},
        {"[database a]\nservice-model = clustered",
         "F: database /x/a: service-model: \"clustered\" is not supported, only \"standalone\", "
         "\"active-backup\" and \"relay\""},
        {"[database a]\nservice-model = relay",
         "F: database /x/a: the service-model \"relay\" needs a source"},
        {"[database a]\nservice-model = relay\nsource = tcp:1.2.3.4:5\nbackup = yes",
         "F: database /x/a: schema, exclude-tables, strict-schema and backup are not for the "
         "service-model \"relay\""},
        {"{\"databases\": {\"a\": {\"service-model\": \"relay\", \"source\": {\"tcp:1.2.3.4:5\": "
         "null}, \"strict-schema\": false}}}",
         "F: database /x/a: schema, exclude-tables, strict-schema and backup are not for the "
         "service-model \"relay\""},
        {"[database a]\nstrict-schema = maybe", "F:2: strict-schema: yes or no is expected"},
        {"{\"databases\": {\"a\": {\"service-model\": \"active-backup\", \"backup\": true}}}",
         "F: database /x/a: backup needs a source"},
        {"[database a]\nservice-model = standalone\nsource = tcp:1.2.3.4:5",
         "F: database /x/a: source: not for the service-model \"standalone\""},
        {"[remote]", "F:1: \"\" is not a valid remote"},
        {"[remote http:1]", "F:1: \"http:1\" is not a valid remote"},
        {"[remote ptcp:1]\n[remote ptcp:1]", "F:2: remote ptcp:1: given twice"},
        {"[remote ptcp:1]\ndscp = 64", "F:2: dscp: a number from 0 to 63 is expected"},
        {"[remote ptcp:1]\nmax-backoff = -1",
         "F:2: max-backoff: milliseconds from 0 to 4294967295 are expected"},
        {"[remote ptcp:1]\nmax-backoff = 1s",
         "F:2: max-backoff: milliseconds from 0 to 4294967295 are expected"},
        {"[remote ptcp:1]\nmax-backoff = 4294967296",
         "F:2: max-backoff: milliseconds from 0 to 4294967295 are expected"},
        {"{\"remotes\": 1}", "F: remotes: an object is expected"},
        {"{\"remotes\": {\"ptcp:1\": 1}}", "F: remotes: ptcp:1: an object is expected"},
        {"{\"remotes\": {\"p\": {}}}", "F: remotes: p: \"p\" is not a valid remote"},
        {"{\"remotes\": {\"ptcp:1\": {\"dscp\": 1.5}}}",
         "F: remotes: ptcp:1: dscp: a string, a number, a boolean or a list of names is expected"},
        {"{\"remotes\": {\"ptcp:1\": {\"dscp\": [1]}}}",
         "F: remotes: ptcp:1: dscp: a string, a number, a boolean or a list of names is expected"},
        {"{\"databases\": {\"a\": {\"source\": {}}}}",
         "F: databases: a: source: an object with one server is expected"},
        {"{\"databases\": {\"a\": {\"source\": {\"tcp:1.2.3.4:5\": {\"dscp\": 99}}}}}",
         "F: databases: a: source: tcp:1.2.3.4:5: dscp: a number from 0 to 63 is expected"},
        {"{\"databases\": {\"a\": {\"source\": {\"tcp:1.2.3.4:5\": []}}}}",
         "F: databases: a: source: tcp:1.2.3.4:5: an object is expected"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct configuration config = {0};
        char *error = failure_take_text(configuration_parse("F", slice_of(table[i].text), &config));

        assert_non_null(error);
        assert_string_equal(error, table[i].error);
        assert_int_equal(config.n_databases + config.n_remotes + config.n_options, 0);
        free(error);
    }
}

static void test_malformed_files(void **state)
{
    struct configuration config = {0};
    char *error =
        failure_take_text(configuration_parse("F", SLICE("[options]\na\0b = c"), &config));

    assert_string_equal(error, "F:2: a NUL byte");
    free(error);
    error = failure_take_text(configuration_parse("F", SLICE("{\"remotes\": {}"), &config));
    assert_int_equal(strncmp(error, "F: line 1, column 15: ", 22), 0);
    free(error);
    error = failure_take_text(configuration_parse("F", SLICE("\n{\"remotes\":\n  {x}}"), &config));
    assert_int_equal(strncmp(error, "F: line 3, column 4: ", 21), 0);
    free(error);
    error = failure_take_text(configuration_load("/x/does-not-exist", &config));
    assert_string_equal(error, "/x/does-not-exist: cannot be read: No such file or directory");
    free(error);
}

// A newer program may have written the file: unknown keys are ignored with a warning.
static void test_unknown_keys_of_json(void **state)
{
    static const struct {
        const char *text;
        const char *warning;
    } table[] = {
        {"{\"x\": {\"y\": 1}}", "F: x: unknown key, ignored"},
        {"{\"remotes\": {\"ptcp:1\": {\"a\": {}, \"dscp\": 1}}}",
         "F: remotes: ptcp:1: a: unknown key, ignored"},
        {"{\"databases\": {\"a\": {\"b\": [1], \"backup\": false}}}",
         "F: databases: a: b: unknown key, ignored"},
        {"{\"databases\": {\"a\": {\"source\": {\"tcp:1.2.3.4:5\": {\"x\": 1}}}}}",
         "F: databases: a: source: tcp:1.2.3.4:5: x: unknown key, ignored"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct configuration config = {0};

        assert_null(configuration_parse("F", slice_of(table[i].text), &config));
        assert_int_equal(config.n_warnings, 1);
        assert_string_equal(config.warnings[0], table[i].warning);
        configuration_done(&config);
    }
}

// The service model "active-backup" needs no source: a command may set it.
static void test_pair_without_source(void **state)
{
    struct configuration config = {0};

    assert_null(configuration_parse("F",
                                    SLICE("{\"databases\": {\"a\": {\"service-model\": "
                                          "\"active-backup\", \"backup\": false}, \"b\": {}}}"),
                                    &config));
    assert_int_equal(config.n_warnings, 0);
    configuration_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_files),         cmocka_unit_test(test_invalid_files),
        cmocka_unit_test(test_malformed_files),     cmocka_unit_test(test_unknown_keys_of_json),
        cmocka_unit_test(test_pair_without_source),
    };

    setenv("OVS_DBDIR", "/x", 1);
    setenv("OVS_PKGDATADIR", "/s", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
