// SPDX-License-Identifier: Apache-2.0
// Cuts off the end of a file when it is opened. The bytes are copied and the copy is synced first,
// so that after a crash at any moment they are in the file or in the copy.
#pragma once

#include "basic/progress.h"
#include "model/error.h"

// A file that ends with a torn record.
struct torn_file {
    int fd; // open for writing, and locked
    const char *path;
    const char *real_path;
    const char *database;
    const char *reason; // reader_reason()
    uint64_t size;      // of the whole records
    uint64_t left;      // bytes after them
};

// Cuts off the torn record, syncs the file and logs this. `progress` may be NULL.
struct ovsdb_error *cut_torn(const struct torn_file *file, const struct progress *progress);
