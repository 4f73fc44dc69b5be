// SPDX-License-Identifier: Apache-2.0
// The file has a header and two slots. A new text is written to the unused slot. Then one small
// write makes the header name that slot, which switches to the new text.
#include "service/crash_state.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC      "ovsdbd01"
#define FIRST_SLOT 4096

struct header {
    char magic[8];
    uint64_t slot; // 0 or 1
    uint64_t size; // of the text
};

// A write within one page is not interrupted by the end of the process.
static_assert(sizeof(struct header) <= FIRST_SLOT, "the header is in a page of its own");
static_assert(sizeof(struct header) == 24, "all versions have the same header");

int crash_state_new(void)
{
    int fd = memfd_create("ovsdbd-state", MFD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static off_t slot_offset(uint64_t slot)
{
    return (off_t)(FIRST_SLOT + slot * CRASH_STATE_MAX);
}

static int write_at(int fd, const void *data, size_t size, off_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, (const char *)data + done, size - done, offset + (off_t)done);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

// Returns false if the file has no valid header.
static bool read_header(int fd, struct header *ret)
{
    return pread(fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret) &&
           !memcmp(ret->magic, MAGIC, sizeof(ret->magic)) && ret->slot <= 1 &&
           ret->size <= CRASH_STATE_MAX;
}

int crash_state_write(int fd, struct slice text)
{
    struct header header = {.slot = 1};
    int r;

    if (text.size > CRASH_STATE_MAX) {
        return -EFBIG;
    }
    if (!read_header(fd, &header)) {
        header.slot = 1;
    }
    memcpy(header.magic, MAGIC, sizeof(header.magic));
    header.slot = !header.slot;
    assert(header.slot <= 1);
    header.size = text.size;
    r = write_at(fd, text.data, text.size, slot_offset(header.slot));
    return r < 0 ? r : write_at(fd, &header, sizeof(header), 0);
}

int crash_state_read(int fd, struct buf *text)
{
    struct header header;
    size_t done = 0;

    if (!read_header(fd, &header) || !header.size) {
        return -ENODATA;
    }
    buf_reserve(text, header.size);
    while (done < header.size) {
        ssize_t n = pread(fd, text->data + text->size + done, header.size - done,
                          slot_offset(header.slot) + (off_t)done);

        if (n <= 0) {
            return n ? -errno : -ENODATA;
        }
        done += (size_t)n;
    }
    text->size += header.size;
    return 0;
}
