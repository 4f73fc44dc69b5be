# SPDX-License-Identifier: Apache-2.0
"""What the whole-program tests stand on: programs, servers, a JSON-RPC client, files, matching."""
