// SPDX-License-Identifier: Apache-2.0
#include "cluster/notification.h"

#include "json/message.h"

void notification_begin(struct buf *buf, const char *method)
{
    message_begin_notification(buf, method);
}

const char *notification_parse(struct slice text, struct buf *scratch, struct slice *ret_method,
                               struct slice *ret_params)
{
    struct message message;
    const char *error = message_parse(text, scratch, &message);

    if (error) {
        return error;
    }
    if (message.type != MESSAGE_NOTIFICATION) {
        return "a notification is expected";
    }
    *ret_method = message.method;
    *ret_params = message.params;
    return NULL;
}
