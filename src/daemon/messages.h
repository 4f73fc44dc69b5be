// SPDX-License-Identifier: Apache-2.0
// Message ids of the daemon's events in the journal (MESSAGE_ID).
#pragma once

#define MSG_STARTED         "c1a9e46f0b724d7e9d35a8f26b94e003"
#define MSG_STOPPING        "5d2f8b7c93e14a06b8c0f7d14e6a9235"
#define MSG_LISTENING       "a87c03d5e2f64b19870d9b3e6c5f14ad"
#define MSG_REMOTE_REMOVED  "0f6b2e9d48c34a71a5e7c8d1930b6f5e"
#define MSG_DATABASE_SERVED "f3b8d6047a2e4c95b61e0d7f82c94a3b"
#define MSG_DATABASE_GONE   "7e04c59ab1d84f6283f95b0ce6d7a218"
#define MSG_RELOADED        "94d5a0c7e3b1486f9027fe6d8b5c3e1f"
