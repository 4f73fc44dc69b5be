// SPDX-License-Identifier: Apache-2.0
// The control commands and metrics of clusters, on a made-up cluster: texts are compared with the
// files in tests/data/daemon/cluster.
#include "control/call.h"
#include "daemon/admin/metrics.h"
#include "daemon/cluster/commands.h"
#include "daemon/cluster/control.h"
#include "schema_file.h"
#include "session/server.h"

#include <stdlib.h>

#define ID(first) ((struct uuid){(uint64_t)(first) << 48 | 0x123456789abc, 0x8899aabbccddeeff})

struct fixture {
    struct parts parts;
    struct cluster_control control;
    struct cluster_status status;
    struct db *alone;
    struct buf calls;    // of the control's functions
    const char *refusal; // of them; NULL: they succeed
};

struct fake_call {
    struct command_call call;
    bool is_error;
    char *text;
};

static bool on_status(void *userdata, const char *db, struct cluster_status *ret)
{
    struct fixture *fixture = userdata;

    if (strcmp(db, "shop")) {
        return false;
    }
    *ret = fixture->status;
    return true;
}

static struct failure *refusal_of(const struct fixture *fixture)
{
    return fixture->refusal ? failure_new(FAILURE_BUSY, "%s", fixture->refusal) : NULL;
}

static struct failure *on_leave(void *userdata, const char *db)
{
    struct fixture *fixture = userdata;

    buf_printf(&fixture->calls, "leave %s", db);
    return refusal_of(fixture);
}

static struct failure *on_kick(void *userdata, const char *db, struct uuid server)
{
    struct fixture *fixture = userdata;
    char text[UUID_TEXT_SIZE];

    buf_printf(&fixture->calls, "kick %s %.5s", db, uuid_text(server, text));
    return refusal_of(fixture);
}

static struct failure *on_change_election_timer(void *userdata, const char *db, uint64_t ms)
{
    struct fixture *fixture = userdata;

    buf_printf(&fixture->calls, "timer %s %d", db, (int)ms);
    return refusal_of(fixture);
}

static void on_set_backlog_threshold(void *userdata, const char *db, uint64_t n_messages,
                                     uint64_t n_bytes)
{
    struct fixture *fixture = userdata;

    buf_printf(&fixture->calls, "backlog %s %llu %llu", db, (unsigned long long)n_messages,
               (unsigned long long)n_bytes);
}

static bool on_set_failure(void *userdata, const char *scenario)
{
    struct fixture *fixture = userdata;

    buf_printf(&fixture->calls, "failure %s", scenario);
    return !strcmp(scenario, "crash");
}

static void on_done(struct command_call *call, enum command_outcome outcome, const char *text,
                    json_t *reply)
{
    struct fake_call *fake = CONTAINER_OF(call, struct fake_call, call);

    fake->is_error = outcome != COMMAND_DONE;
    fake->text = xstrdup(text);
}

// Runs a command, given as one line. Caller frees the text.
static char *run(struct fixture *fixture, const char *line, bool *ret_is_error)
{
    struct fake_call fake = {.call = {.done = on_done, .may_change = true}};
    _cleanup_free_ char *copy = xstrdup(line);
    char *argv[6] = {NULL}, *rest = copy;
    int argc = 0;

    buf_clear(&fixture->calls);
    while ((argv[argc] = strsep(&rest, " "))) {
        argc++;
    }
    command_registry_run(fixture->parts.registry, &fake.call, argc, argv);
    assert_non_null(fake.text);
    *ret_is_error = fake.is_error;
    return fake.text;
}

static void check(struct fixture *fixture, const char *line, bool is_error, const char *expected,
                  const char *calls)
{
    bool failed;
    _cleanup_free_ char *text = run(fixture, line, &failed);

    assert_string_equal(text, expected);
    assert_int_equal(failed, is_error);
    assert_string_equal(buf_cstr(&fixture->calls), calls);
}

#define SAYS(line, expected, calls) check(fixture, line, false, expected, calls)
#define FAILS(line, expected)       check(fixture, line, true, expected, "")

static char *expected_text(const char *name)
{
    _cleanup_free_ char *path = xasprintf("daemon/cluster/%s", name);

    return data_text(path);
}

// The files end with a line feed, which ovs-appctl prints after a reply.
static void check_status(struct fixture *fixture, const char *name)
{
    bool is_error;
    _cleanup_free_ char *expected = expected_text(name);
    _cleanup_free_ char *text = run(fixture, "cluster/status shop", &is_error);
    _cleanup_free_ char *line = xasprintf("%s\n", text);

    assert_false(is_error);
    assert_string_equal(line, expected);
}

static const struct cluster_member members[] = {
    {ID(0x81aa), "tcp:10.0.0.1:6643", true, 57, 56, 0},
    {ID(0xe98c), "tcp:10.0.0.2:6643", true, 55, 50, 6, true, 103},
    {ID(0xe98d), "ssl:[::1]:6643", true, 57, 56, 0},
};
static const struct cluster_member members_of_follower[] = {
    {ID(0x81aa), "tcp:10.0.0.1:6643"},
    {ID(0xe98c), "tcp:10.0.0.2:6643", .has_last_message = true, .last_message_ms = 0},
    {ID(0xe98d), "ssl:[::1]:6643"},
};
static const struct cluster_change changes[] = {
    {ID(0x5820), "tcp:10.0.0.4:6643", false, "adding: catching up"},
    {ID(0xe98d), "ssl:[::1]:6643", true, "removing"},
};
static const struct cluster_connection connections[] = {
    {ID(0xe98c), false, true},
    {ID(0xe98c), true, true},
    {ID(0xe98d), false, false},
};

static const struct cluster_status leader = {
    .name = "shop",
    .cluster_id = ID(0x6815),
    .server_id = ID(0x81aa),
    .address = "tcp:10.0.0.1:6643",
    .state = CLUSTER_MEMBER,
    .role = CLUSTER_LEADER,
    .term = 3,
    .leader = ID(0x81aa),
    .vote = ID(0x81aa),
    .election = {true, true, ELECTION_TIMEOUT, 1234, 1200},
    .election_timer = 1000,
    .first_index = 2,
    .last_index = 56,
    .commit_index = 54,
    .applied_index = 51,
    .connections = connections,
    .n_connections = ARRAY_SIZE(connections),
    .members = members,
    .n_members = ARRAY_SIZE(members),
    .n_disconnections = 1,
    .n_elections = 2,
    .n_leader_changes = 4,
    .n_messages_sent = 1000,
    .n_messages_received = 999,
    .n_snapshots_sent = 5,
    .n_snapshots_installed = 6,
};

static void make_follower(struct cluster_status *status)
{
    *status = leader;
    status->role = CLUSTER_FOLLOWER;
    status->leader = ID(0xe98c);
    status->vote = UUID_ZERO;
    status->election = (struct cluster_election){0};
    status->commit_index = status->applied_index = 56;
    status->members = members_of_follower;
}

static int setup(void **state)
{
    struct fixture *fixture = NEW(struct fixture);
    _cleanup_schema_ struct schema *schema =
        schema_of_file_named("daemon/one-table.ovsschema", "alone");

    fixture->control = (struct cluster_control){
        .status = on_status,
        .leave = on_leave,
        .kick = on_kick,
        .change_election_timer = on_change_election_timer,
        .set_backlog_threshold = on_set_backlog_threshold,
        .set_failure = on_set_failure,
        .userdata = fixture,
    };
    fixture->status = leader;
    fixture->parts.server = server_new(uuid_random);
    fixture->alone = db_new(schema, uuid_random);
    assert_int_equal(server_add_db(fixture->parts.server, fixture->alone), 0);
    fixture->parts.registry = command_registry_new();
    fixture->parts.cluster_control = &fixture->control;
    cluster_commands_register(fixture->parts.registry, &fixture->parts);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    command_registry_free(fixture->parts.registry);
    server_free(fixture->parts.server);
    db_free(fixture->alone);
    buf_done(&fixture->calls);
    free(fixture);
    return 0;
}

static void test_status(void **state)
{
    static const char *const remotes[] = {"tcp:10.0.0.1:6643", "tcp:10.0.0.2:6643"};
    static const struct cluster_connection unknown = {UUID_ZERO, false, false};
    struct fixture *fixture = *state;
    struct cluster_status *status = &fixture->status;

    check_status(fixture, "leader.txt");
    status->changes = changes;
    status->n_changes = ARRAY_SIZE(changes);
    status->election.reason = ELECTION_TRANSFER;
    check_status(fixture, "leader-changes.txt");
    make_follower(status);
    check_status(fixture, "follower.txt");
    status->role = CLUSTER_CANDIDATE;
    status->state = CLUSTER_DISCONNECTED;
    status->leader = UUID_ZERO;
    status->vote = ID(0xe98c);
    status->election = (struct cluster_election){true, false, ELECTION_TIMEOUT, 7, 0};
    check_status(fixture, "candidate.txt");
    make_follower(status);
    status->state = CLUSTER_JOINING;
    status->cluster_id = status->leader = UUID_ZERO;
    status->term = 0;
    status->remotes = remotes;
    status->n_remotes = ARRAY_SIZE(remotes);
    status->connections = &unknown;
    status->n_connections = 1;
    status->n_members = 0;
    status->first_index = 1;
    status->last_index = status->commit_index = status->applied_index = 0;
    check_status(fixture, "joining.txt");
}

static void test_states(void **state)
{
    static const char *const lines[] = {
        [CLUSTER_MEMBER] = "\nStatus: cluster member\n",
        [CLUSTER_JOINING] = "\nStatus: joining cluster\n",
        [CLUSTER_LEAVING] = "\nStatus: leaving cluster\n",
        [CLUSTER_LEFT] = "\nStatus: left cluster\n",
        [CLUSTER_FAILED] = "\nStatus: failed\n",
        [CLUSTER_DISCONNECTED] = "\nStatus: disconnected from the cluster (election timeout)\n",
    };
    struct fixture *fixture = *state;

    for (int i = 0; i < CLUSTER_N_STATES; i++) {
        bool is_error;
        _cleanup_free_ char *text = NULL;

        fixture->status.state = (enum cluster_state)i;
        text = run(fixture, "cluster/status shop", &is_error);
        assert_non_null(strstr(text, lines[i]));
    }
}

static void test_ids(void **state)
{
    struct fixture *fixture = *state;

    SAYS("cluster/cid shop", "68151234-5678-9abc-8899-aabbccddeeff", "");
    SAYS("cluster/sid shop", "81aa1234-5678-9abc-8899-aabbccddeeff", "");
    fixture->status.cluster_id = UUID_ZERO;
    FAILS("cluster/cid shop", "cluster id not yet known");
}

// Every command says what is wrong with the database.
static void test_other_databases(void **state)
{
    static const char *const lines[] = {
        "cluster/cid %s",
        "cluster/sid %s",
        "cluster/status %s",
        "cluster/leave %s",
        "cluster/kick %s e98c",
        "cluster/change-election-timer %s 1000",
        "cluster/set-backlog-threshold %s 100 100000",
    };
    struct fixture *fixture = *state;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
            const char *at = strstr(lines[i], "%s");
            _cleanup_free_ char *alone =
                xasprintf("%.*salone%s", (int)(at - lines[i]), lines[i], at + 2);
            _cleanup_free_ char *missing =
                xasprintf("%.*snone%s", (int)(at - lines[i]), lines[i], at + 2);

            FAILS(alone, "unknown cluster: database alone is not clustered");
            FAILS(missing, "unknown cluster: no database named none");
        }
        fixture->parts.cluster_control = NULL; // no database is clustered
    }
    FAILS("cluster/failure-test crash", "unknown test scenario");
}

static void test_leave(void **state)
{
    struct fixture *fixture = *state;

    SAYS("cluster/leave shop", "", "leave shop");
    fixture->refusal = "the last member cannot leave";
    check(fixture, "cluster/leave shop", true, "the last member cannot leave", "leave shop");
    fixture->status.state = CLUSTER_JOINING;
    FAILS("cluster/leave shop", "can't leave while join in progress");
    fixture->status.state = CLUSTER_LEFT;
    FAILS("cluster/leave shop", "this server has left the cluster already");
}

#define UNKNOWN(server)                                                                            \
    "unknown server: no server has the address \"" server                                          \
    "\", or an id that begins with it (at least 4 digits)"

static void test_kick(void **state)
{
    struct fixture *fixture = *state;

    SAYS("cluster/kick shop e98c", "started removal", "kick shop e98c1");
    SAYS("cluster/kick shop E98D", "started removal", "kick shop e98d1");
    SAYS("cluster/kick shop 81aa1234-5", "started removal", "kick shop 81aa1");
    SAYS("cluster/kick shop e98c1234-5678-9abc-8899-aabbccddeeff", "started removal",
         "kick shop e98c1");
    SAYS("cluster/kick shop tcp:10.0.0.2:6643", "started removal", "kick shop e98c1");
    SAYS("cluster/kick shop ssl:[::1]:6643", "started removal", "kick shop e98d1");
    FAILS("cluster/kick shop e98", UNKNOWN("e98"));
    FAILS("cluster/kick shop e98e", UNKNOWN("e98e"));
    FAILS("cluster/kick shop ", UNKNOWN(""));
    FAILS("cluster/kick shop tcp:10.0.0.2:664", UNKNOWN("tcp:10.0.0.2:664"));
    FAILS("cluster/kick shop 5820", UNKNOWN("5820"));
    FAILS("cluster/kick shop e98c1234-5678-9abc-8899-aabbccddeeff0",
          UNKNOWN("e98c1234-5678-9abc-8899-aabbccddeeff0"));
    fixture->status.changes = changes;
    fixture->status.n_changes = ARRAY_SIZE(changes);
    SAYS("cluster/kick shop 5820", "started removal", "kick shop 58201");
    SAYS("cluster/kick shop e98d", "started removal", "kick shop e98d1");
    fixture->refusal = "it is being removed";
    check(fixture, "cluster/kick shop e98d", true, "it is being removed", "kick shop e98d1");
    fixture->refusal = NULL;
    fixture->status.role = CLUSTER_FOLLOWER;
    SAYS("cluster/kick shop e98c", "sent removal request to leader", "kick shop e98c1");
}

static void test_ambiguous_id(void **state)
{
    static const struct cluster_member twins[] = {
        {{0xe98c000000000000, 1}, "tcp:10.0.0.1:6643"},
        {{0xe98c100000000000, 1}, "tcp:10.0.0.2:6643"},
    };
    struct fixture *fixture = *state;

    fixture->status.members = twins;
    fixture->status.n_members = ARRAY_SIZE(twins);
    FAILS("cluster/kick shop e98c", "\"e98c\" is the beginning of the ids of 2 servers");
    SAYS("cluster/kick shop e98c1", "started removal", "kick shop e98c1");
}

static void test_election_timer(void **state)
{
    static const char range[] = "election timer must be between 100 and 600000, in msec.";
    static const char increase[] =
        "election timer increase should not exceed the current value x 2.";
    static const char decrease[] =
        "election timer decrease should not exceed the current value / 2.";
    static const char begun[] = "change of election timer initiated.";
    struct fixture *fixture = *state;

    SAYS("cluster/change-election-timer shop 2000", begun, "timer shop 2000");
    SAYS("cluster/change-election-timer shop 1000", begun, "timer shop 1000");
    SAYS("cluster/change-election-timer shop 500", begun, "timer shop 500");
    FAILS("cluster/change-election-timer shop 2001", increase);
    FAILS("cluster/change-election-timer shop 499", decrease);
    FAILS("cluster/change-election-timer shop 99", range);
    FAILS("cluster/change-election-timer shop 600001", range);
    FAILS("cluster/change-election-timer shop -1", range);
    FAILS("cluster/change-election-timer shop 1s", range);
    FAILS("cluster/change-election-timer shop 18446744073709552000", range);
    fixture->status.election_timer = 600000;
    SAYS("cluster/change-election-timer shop 600000", begun, "timer shop 600000");
    fixture->status.election_timer = 150;
    SAYS("cluster/change-election-timer shop 100", begun, "timer shop 100");
    fixture->refusal = "busy";
    check(fixture, "cluster/change-election-timer shop 100", true, "busy", "timer shop 100");
    fixture->status.role = CLUSTER_FOLLOWER;
    FAILS("cluster/change-election-timer shop 100",
          "election timer must be changed through leader.");
}

static void test_backlog_threshold(void **state)
{
    struct fixture *fixture = *state;

    SAYS("cluster/set-backlog-threshold shop 50 0", "", "backlog shop 50 0");
    SAYS("cluster/set-backlog-threshold shop 5000000000 4294967296", "",
         "backlog shop 5000000000 4294967296");
    FAILS("cluster/set-backlog-threshold shop 49 1000",
          "values out of range: at least 50 messages");
    FAILS("cluster/set-backlog-threshold shop 100 x", "invalid argument");
    FAILS("cluster/set-backlog-threshold shop 100 -1", "invalid argument");
    FAILS("cluster/set-backlog-threshold shop 1e3 1000", "invalid argument");
}

static void test_failure_test(void **state)
{
    struct fixture *fixture = *state;

    SAYS("cluster/failure-test crash", "", "failure crash");
    check(fixture, "cluster/failure-test other", true, "unknown test scenario", "failure other");
}

static void test_metrics(void **state)
{
    struct cluster_status clusters[] = {leader, leader};
    _cleanup_free_ char *open_metrics = expected_text("metrics.txt");
    _cleanup_free_ char *classic = expected_text("metrics-classic.txt");
    _cleanup_buf_ struct buf text = {0};

    make_follower(&clusters[1]);
    clusters[1].name = "bar";
    metrics_put_clusters(clusters, ARRAY_SIZE(clusters), METRICS_OPENMETRICS, &text);
    assert_string_equal(buf_cstr(&text), open_metrics);
    buf_clear(&text);
    metrics_put_clusters(clusters, ARRAY_SIZE(clusters), METRICS_CLASSIC, &text);
    assert_string_equal(buf_cstr(&text), classic);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_status),
        TEST(test_states),
        TEST(test_ids),
        TEST(test_other_databases),
        TEST(test_leave),
        TEST(test_kick),
        TEST(test_ambiguous_id),
        TEST(test_election_timer),
        TEST(test_backlog_threshold),
        TEST(test_failure_test),
        cmocka_unit_test(test_metrics),
    };

    return cmocka_run_group_tests_name("cluster_commands", tests, NULL, NULL);
}
