// SPDX-License-Identifier: Apache-2.0
// Without CODE_FILE and CODE_LINE, which would always be those of the one call below.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "service/journal.h"

#include "basic/alloc.h"
#include "service/pattern.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

bool journal_is_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

static struct iovec journal_field(const char *name, const char *value)
{
    char *text = xasprintf("%s=%s", name, value);

    return (struct iovec){text, strlen(text)};
}

int journal_send(const struct log_record *record, const char *program)
{
    struct iovec iov[64];
    char priority[] = {(char)('0' + pattern_priority(record->level)), '\0'};
    int n = 0;
    int r;

    iov[n++] = journal_field("MESSAGE", record->message);
    iov[n++] = journal_field("PRIORITY", priority);
    iov[n++] = journal_field("SYSLOG_IDENTIFIER", program);
    iov[n++] = journal_field("OVSDB_MODULE", record->module->name);
    if (record->message_id) {
        iov[n++] = journal_field("MESSAGE_ID", record->message_id);
    }
    for (const struct log_field *f = record->fields; f && f->name; f++) {
        if (f->value && n < (int)ARRAY_SIZE(iov)) {
            iov[n++] = journal_field(f->name, f->value);
        }
    }
    r = sd_journal_sendv(iov, n);
    for (int i = 0; i < n; i++) {
        free(iov[i].iov_base);
    }
    return r;
}
