// SPDX-License-Identifier: Apache-2.0
// The journal messages of clusters: id, level, text and fields of each event.
#include "daemon/cluster/events.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "unit.h"

static const struct event_server other = {{0xe98c123456789abc, 1}, "tcp:10.0.0.2:6643", false};
static const struct event_server self = {{0x81aa123456789abc, 1}, "tcp:10.0.0.1:6643", true};

static struct buf logged; // "ID LEVEL TEXT FIELD=VALUE..."

static void on_log(const struct log_record *record)
{
    buf_printf(&logged, "%s %s %s", record->message_id, log_level_name(record->level),
               record->message);
    for (const struct log_field *field = record->fields; field && field->name; field++) {
        buf_printf(&logged, " %s=%s", field->name, field->value);
    }
}

static void expect(const char *expected)
{
    assert_string_equal(buf_cstr(&logged), expected);
    buf_clear(&logged);
}

#define OF_OTHER                                                                                   \
    " OVSDB_DATABASE=shop OVSDB_SERVER=e98c1234-5678-9abc-0000-000000000001"                       \
    " OVSDB_REMOTE=tcp:10.0.0.2:6643"
#define OF_SELF                                                                                    \
    " OVSDB_DATABASE=shop OVSDB_SERVER=81aa1234-5678-9abc-0000-000000000001"                       \
    " OVSDB_REMOTE=tcp:10.0.0.1:6643"

static void test_of_this_server(void **state)
{
    cluster_event_elected("shop", 7);
    expect(MSG_CLUSTER_ELECTED
           " INFO shop: this server is the leader of term 7 OVSDB_DATABASE=shop");
    cluster_event_leadership_lost("shop", 7, 0);
    expect(MSG_CLUSTER_LEADERSHIP_LOST
           " INFO shop: this server is no longer the leader of term 7; "
           "transactions withdrawn: 0 OVSDB_DATABASE=shop");
    cluster_event_leadership_lost("shop", 7, 3);
    expect(MSG_CLUSTER_LEADERSHIP_LOST
           " WARN shop: this server is no longer the leader of term 7; "
           "transactions withdrawn: 3 OVSDB_DATABASE=shop");
    cluster_event_quorum_lost("shop", 1, 3);
    expect(MSG_CLUSTER_QUORUM_LOST
           " ERR shop: no leader for longer than the election timer: transactions wait; 1 of 3 "
           "members are connected OVSDB_DATABASE=shop");
    cluster_event_quorum_back("shop");
    expect(MSG_CLUSTER_QUORUM_BACK
           " INFO shop: the cluster has a leader again "
           "OVSDB_DATABASE=shop");
    cluster_event_snapshot_installed("shop", 56);
    expect(MSG_CLUSTER_SNAPSHOT_INSTALLED
           " INFO shop: installed the leader's snapshot of index 56 OVSDB_DATABASE=shop");
}

static void test_of_members(void **state)
{
    cluster_event_member_lost("shop", &other);
    expect(MSG_CLUSTER_MEMBER_LOST
           " WARN shop: server e98c at tcp:10.0.0.2:6643 is not connected" OF_OTHER);
    cluster_event_member_back("shop", &other);
    expect(MSG_CLUSTER_MEMBER_BACK
           " INFO shop: server e98c at tcp:10.0.0.2:6643 is connected" OF_OTHER);
    cluster_event_snapshot_sent("shop", &other, 5000000000);
    expect(MSG_CLUSTER_SNAPSHOT_SENT
           " INFO shop: server e98c at tcp:10.0.0.2:6643 was sent a "
           "snapshot of 5000000000 bytes" OF_OTHER);
    cluster_event_joined("shop", &self);
    expect(MSG_CLUSTER_JOINED
           " INFO shop: this server, 81aa at tcp:10.0.0.1:6643, has joined the cluster" OF_SELF);
    cluster_event_left("shop", &other);
    expect(MSG_CLUSTER_LEFT
           " INFO shop: server e98c at tcp:10.0.0.2:6643 has left the cluster" OF_OTHER);
    cluster_event_kicked("shop", &self);
    expect(MSG_CLUSTER_KICKED
           " WARN shop: this server, 81aa at tcp:10.0.0.1:6643, was removed from "
           "the cluster" OF_SELF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_this_server),
        cmocka_unit_test(test_of_members),
    };
    int r;

    log_set_sink(on_log);
    r = cmocka_run_group_tests_name("cluster_events", tests, NULL, NULL);
    log_set_sink(NULL);
    buf_done(&logged);
    return r;
}
