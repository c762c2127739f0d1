// The one place that includes BoringSSL. OpenSSL's headers of the same names are refused: the two
// are not interchangeable.
#ifndef H2_TRANSPORT_BORINGSSL_H_
#define H2_TRANSPORT_BORINGSSL_H_

#include <openssl/base.h>

#ifndef OPENSSL_IS_BORINGSSL
#error \
    "h2cpp needs BoringSSL; these are the headers of another library (see docs/building.md, BORINGSSL_ROOT)"
#endif

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif  // H2_TRANSPORT_BORINGSSL_H_
