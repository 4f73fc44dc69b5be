// SPDX-License-Identifier: Apache-2.0
// Certificates for the tests of TLS.
#pragma once

// Writes a new key and a self-signed certificate, which is its own CA, with the common name `cn`.
void tls_identity_make(const char *key_path, const char *cert_path, const char *cn);
