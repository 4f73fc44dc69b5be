// SPDX-License-Identifier: Apache-2.0
// The names of log modules that scripts know from other OVSDB programs: each steers that of our
// modules which does the same work, or, if there is none, nothing.
#pragma once

void vlog_modules_register(void);
