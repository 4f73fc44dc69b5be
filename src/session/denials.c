// SPDX-License-Identifier: Apache-2.0
// Logs operations that the role of a client forbids: the client, the operation and the reason. The
// rate is limited, as a client may repeat a forbidden request at any rate.
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "session/internal.h"

LOG_MODULE(rbac);
COUNTER(denials, "Operations that the role of a client did not allow");

void session_log_denial(void *userdata, const struct denial *denial)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    const struct session *session = userdata;

    COUNT(denials);
    log_event_limited(
        &limit, LOG_LEVEL_WARN, MSG_ROLE_DENIED,
        LOG_FIELDS(
            {"OVSDB_SESSION", session->name}, {"OVSDB_REMOTE", str_or_empty(session->remote)},
            {"OVSDB_ROLE", session->role}, {"OVSDB_CLIENT_ID", str_or_empty(session->client_id)},
            {"OVSDB_DATABASE", denial->database}, {"OVSDB_TABLE", str_or_empty(denial->table)},
            {"OVSDB_COLUMN", str_or_empty(denial->column)},
            {"OVSDB_ROW", str_or_empty(denial->row)}),
        "%s: %s", session->name, denial->details);
}
