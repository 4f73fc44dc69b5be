# SPDX-License-Identifier: Apache-2.0
"""The foundation of the whole-program tests: programs, servers, a JSON-RPC client, files,
matching."""
