// SPDX-License-Identifier: Apache-2.0
// Copies of a database file, or of its end, that are kept beside it before the file is changed.
#pragma once

#include "basic/progress.h"
#include "model/error.h"

// Copies the bytes of `fd` from `offset` to its end to the new file `name`, or to `name`.1,
// `name`.2, ... if there are such files with other contents. A copy with these contents that exists
// already, from a start that did not come to its end, is kept instead. The copy has the permissions
// of `fd` and is synced, as is its directory. `progress` may be NULL. *ret is the name of the copy
// (caller frees). O(bytes).
struct ovsdb_error *put_aside(const char *name, int fd, uint64_t offset,
                              const struct progress *progress, char **ret);
