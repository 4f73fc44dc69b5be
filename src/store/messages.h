// SPDX-License-Identifier: Apache-2.0
// Message ids of this layer's events in the journal (sd_journal_sendv's MESSAGE_ID).
#pragma once

#define MSG_DATABASE_OPENED    "6f1c2c8d5c0f4c0a9b1d54e2a7f03e11"
#define MSG_DATABASE_COMPACTED "b0a4a6f5c9e34d7e8c6b1f2d93a57c42"
#define MSG_DATABASE_TORN      "3d9e7b64f1a8425cb7720e6c85d1fa93"
#define MSG_DATABASE_FAILED    "e85b0c37d2464f1f9a63c47b1d0e6f24"
#define MSG_DATABASE_REPLACED  "91c7d4e20b5f4a38a6fe3d8c72b90a15"
