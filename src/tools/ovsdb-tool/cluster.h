// SPDX-License-Identifier: Apache-2.0
// "check" and "recover" for the file of a clustered database. Both end the program with a message
// if the file cannot be read or its first record is damaged.
#pragma once

#include <stdbool.h>

// Prints which records are whole and whether they make a log and a database. `is_in_use`: a server
// is writing the file, so that an incomplete last record is none. Returns true if the file is good.
bool cluster_check(const char *path, bool is_in_use);
// Writes the records before the first damage to the new file `target`. `fd` is the open file.
void cluster_recover(const char *path, int fd, const char *target);
