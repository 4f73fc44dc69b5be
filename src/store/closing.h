// SPDX-License-Identifier: Apache-2.0
// Closes files on a helper thread. Closing the last descriptor of a file without a name frees its
// blocks, which takes long.
#pragma once

struct group_commit;

// Takes ownership of `fd`. group_commit_free() waits for the end.
void close_beside(struct group_commit *group_commit, int fd);
