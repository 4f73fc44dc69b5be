// SPDX-License-Identifier: Apache-2.0
// The message ids of the events that an administrator may want to find in the journal, for
// log_event(). units/ovsdbd.catalog explains each of them ("journalctl -x"). An id always keeps its
// meaning; "systemd-id128 new" makes an id for a new event.
//
// The comments name the fields of the journal entry, for a group or for one event.
#pragma once

// The server
#define MSG_STARTED         "c1a9e46f0b724d7e9d35a8f26b94e003"
#define MSG_START_FAILED    "48d0c7ea3f6b4b1d8e52a9c61f07d3b4"
#define MSG_STOPPING        "5d2f8b7c93e14a06b8c0f7d14e6a9235"
#define MSG_RELOADED        "94d5a0c7e3b1486f9027fe6d8b5c3e1f"
#define MSG_RELOAD_FAILED   "d27b6f9e5a0c41f3b6e8417c03d95a2e"
#define MSG_HANDED_OVER     "baf90cb80cb845ed9b5cdbb451a29832"
#define MSG_HANDOVER_FAILED "bd7fb76b73814e88997912f6a5e88b12"
#define MSG_CONTINUED       "f59dc1e8929b41aabbb7e7240805db47"
#define MSG_NOT_CONTINUED   "e166a42c8ba24c508817c92b5b05f627"
#define MSG_STATE_RESTORED  "8c0fb96d62e844f9b74f02d765ee67ad"
#define MSG_NO_LANDLOCK     "1e9f35c80b7d4d62a4c1f8e63b2a7095"

// Remotes: OVSDB_REMOTE
#define MSG_REMOTE_ADDED   "a87c03d5e2f64b19870d9b3e6c5f14ad"
#define MSG_REMOTE_REMOVED "0f6b2e9d48c34a71a5e7c8d1930b6f5e"
#define MSG_REMOTE_FAILED  "4bf90c90d2294d7db329b5a4de83e1cb" // the server tries again

// TLS
#define MSG_TLS_LOADED       "c0e4f2a71b9d4e6a8f35d7c46e10b29a"
#define MSG_TLS_NOT_LOADED   "2f81a6d0c94b4735be1d9e57f3a60c84" // the message names the file
#define MSG_TLS_UNVERIFIED   "a5d93b1ec7604f28963a0be4d81f72c5"
#define MSG_TLS_EXPIRED      "6b07e92d35fc48a1b4c8d0f61e7a9532" // the message names the file
#define MSG_TLS_BOOTSTRAPPED "f94c1d60a8e74b2dbb52c7093ed6a81f"
#define MSG_TLS_REFUSED      "38e7a05bd4f1462c97d6b8213fc0e95a" // OVSDB_REMOTE, OVSDB_SESSION

// Databases: OVSDB_DATABASE
#define MSG_DATABASE_OPENED    "6f1c2c8d5c0f4c0a9b1d54e2a7f03e11"
#define MSG_DATABASE_SERVED    "f3b8d6047a2e4c95b61e0d7f82c94a3b"
#define MSG_DATABASE_GONE      "7e04c59ab1d84f6283f95b0ce6d7a218"
#define MSG_DATABASE_TORN      "3d9e7b64f1a8425cb7720e6c85d1fa93"
#define MSG_DATABASE_FAILED    "e85b0c37d2464f1f9a63c47b1d0e6f24"
#define MSG_DATABASE_COMPACTED "b0a4a6f5c9e34d7e8c6b1f2d93a57c42"
#define MSG_DATABASE_REPLACED  "91c7d4e20b5f4a38a6fe3d8c72b90a15"
#define MSG_DATABASE_CREATED   "108ea57691e3420ca21d6270119d0888"
#define MSG_DATABASE_UPGRADED  "50f133581bb34008bc13610701802f44"
#define MSG_DATABASE_NEWER     "8caed37a8d244e2eb0899060ea2b1c58"
#define MSG_DATABASE_DAMAGED   "5bfe5e2637e34e17b20f4415c30961c6" // OVSDB_FILE
#define MSG_DATABASE_RECOVERED "251790c754d84339bc8f60d99f249493" // OVSDB_FILE
#define MSG_DATABASE_UNWRITTEN "21321296cf0d40de941053ef5c6a224a"
#define MSG_DATABASE_WRITABLE  "96869b37530d4ea09fd13a27df4eea7b"
#define MSG_COMPACTION_FAILED  "7b3e91d4c6f84e0a9d25b8c07f16e3a5" // the message names the database

// The role of the server: OVSDB_REMOTE
#define MSG_ROLE_ACTIVE "3450c21dec4c411ab23ff4ca2739c5df"
#define MSG_ROLE_BACKUP "827708ad3f584182a2d970646824db69"

// Clusters: OVSDB_DATABASE
#define MSG_PEER_REFUSED "a4f2f7325f2f445998ebdd6d1ac31e16" // OVSDB_REMOTE

// Clients: OVSDB_SESSION
// OVSDB_DATABASE, OVSDB_TABLE, OVSDB_COLUMN, OVSDB_ROW, OVSDB_ROLE, OVSDB_CLIENT_ID, OVSDB_REMOTE
#define MSG_ROLE_DENIED      "b878934edd4a43b5af8eb8a8e3c87205"
#define MSG_CLIENT_CUT       "eebbfab208d649e9b444f9fc0487f562" // OVSDB_REMOTE; the message says why
#define MSG_CLIENT_REFUSED   "abd8768e31a24809acedcf66ca7b64df" // OVSDB_REMOTE
#define MSG_CLIENTS_DELAYED  "0b272971d41b4dc7b9d1d5d11f60af42"
#define MSG_CLIENT_AT_LIMIT  "2471886d668a471398612aa683275790"
#define MSG_MESSAGE_TOO_LONG "2358c1adead34614a2f9c72e8ac561c3" // OVSDB_REMOTE
#define MSG_CLIENT_TOO_SLOW  "d7cbbc2228f54ce48c4066a6bbc81558"
#define MSG_CONTROL_DENIED   "d5f446376bf643259093f0c5388b268f" // OVSDB_PEER_UID, OVSDB_PEER_PID

// A committed transaction, if the transaction log is on (ovsdb-server/tlog-set): OVSDB_DATABASE,
// OVSDB_TABLE and OVSDB_ROW (once for each row), OVSDB_TXN, OVSDB_SESSION, OVSDB_REMOTE,
// OVSDB_CLIENT_ID, OVSDB_PEER_UID, OVSDB_PEER_PID, OVSDB_COMMENT
#define MSG_TRANSACTION "0a41463a392846538e866f2d568ee884"
