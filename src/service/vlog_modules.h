// SPDX-License-Identifier: Apache-2.0
// The names of log modules that scripts use with other OVSDB programs. The levels set for such a
// name become those of our module that does the same work. If there is none they have no effect.
#pragma once

void vlog_modules_register(void);
