// SPDX-License-Identifier: Apache-2.0
// Closing the last descriptor of a file that has no name any more frees its blocks, which takes
// long: a helper thread does it.
#pragma once

#include "store/group_commit.h"

// Takes `fd`. At the latest group_commit_free() waits for it.
void close_beside(struct group_commit *group_commit, int fd);
