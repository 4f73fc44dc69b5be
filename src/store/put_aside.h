// SPDX-License-Identifier: Apache-2.0
// Copies a database file, or its end, before the file is changed. The copy is kept beside it.
#pragma once

#include "basic/progress.h"
#include "model/error.h"

// Copies the bytes of `fd` from `offset` to the end of the file to the new file `name`, or to
// `name`.1, `name`.2, ... if such files with other contents exist. If a file with the same contents
// exists, from a start that was interrupted, it is used as the copy. The copy has the permissions
// of `fd`. The copy and its directory are synced. `progress` may be NULL. *ret is the name of the
// copy (caller frees). O(bytes).
struct ovsdb_error *put_aside(const char *name, int fd, uint64_t offset,
                              const struct progress *progress, char **ret);
