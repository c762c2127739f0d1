// Certificates made on the spot. See certificates.h.
#include "transport/certificates.h"

#include <array>
#include <utility>

#include "transport/address.h"
#include "transport/boringssl.h"

namespace h2::inline v0::transport {

namespace {

Unexpected<TransportError> failure(TransportErrc code, std::string what) {
  const std::uint32_t error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  std::string detail = reason != nullptr ? reason : "";
  ERR_clear_error();
  return unexpected(TransportError{Phase::kConfigure, code, 0, std::move(what), std::move(detail)});
}

bssl::UniquePtr<BIO> reader_of(const std::string& text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(bio, &data, &size) != 1) return {};
  return {reinterpret_cast<const char*>(data), size};
}

bssl::UniquePtr<EVP_PKEY> make_key() {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!ec || !key || EC_KEY_generate_key(ec.get()) != 1 ||
      EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1)
    return nullptr;
  return key;
}

bool add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(cert, extension.get(), -1) == 1;
}

bool add_names(X509* cert, const std::vector<std::string>& names) {
  std::string value;
  for (const std::string& name : names) {
    // The extension's syntax would read a comma as the next name.
    if (name.find_first_of(",\n") != std::string::npos) return false;
    value += value.empty() ? "" : ",";
    value += Address::from_literal(name, 0) ? "IP:" : "DNS:";
    value += name;
  }
  return value.empty() || add_extension(cert, cert, NID_subject_alt_name, value);
}

bool set_time(ASN1_TIME* time, Duration from_now) {
  return X509_gmtime_adj(time, static_cast<long>(from_now.ns / seconds(1).ns)) != nullptr;
}

bool fill(X509* cert, const CertificateRequest& request, EVP_PKEY* key, X509* issuer) {
  std::array<std::uint8_t, 8> serial{};
  RAND_bytes(serial.data(), serial.size());
  std::uint64_t number = 0;
  for (const std::uint8_t byte : serial) number = number << 8U | byte;
  const std::string name = request.names.empty() ? std::string("h2cpp") : request.names.front();
  X509_NAME* subject = X509_get_subject_name(cert);
  if (X509_set_version(cert, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), (number >> 1U) | 1U) != 1 ||
      !set_time(X509_getm_notBefore(cert), request.not_before) ||
      !set_time(X509_getm_notAfter(cert), request.not_after) ||
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const std::uint8_t*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) != 1 ||
      X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
      X509_set_pubkey(cert, key) != 1) {
    return false;
  }
  switch (request.use) {
    case CertificateUse::kAuthority:
      return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
             add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    case CertificateUse::kServer:
    case CertificateUse::kClient:
      return add_extension(cert, issuer, NID_basic_constraints, "CA:FALSE") &&
             add_extension(cert, issuer, NID_ext_key_usage,
                           request.use == CertificateUse::kServer ? "serverAuth" : "clientAuth") &&
             add_names(cert, request.names);
  }
  return false;
}

}  // namespace

Result<CertifiedKey, TransportError> make_certificate(const CertificateRequest& request) {
  ERR_clear_error();
  const bssl::UniquePtr<EVP_PKEY> key = make_key();
  const bssl::UniquePtr<X509> cert(X509_new());
  if (!key || !cert) return failure(TransportErrc::kBadKeyFile, "new key");
  bssl::UniquePtr<X509> issuer_cert;
  bssl::UniquePtr<EVP_PKEY> issuer_key;
  if (request.issuer != nullptr) {
    issuer_cert.reset(
        PEM_read_bio_X509(reader_of(request.issuer->cert_pem).get(), nullptr, nullptr, nullptr));
    if (!issuer_cert)
      return failure(TransportErrc::kBadCertificateFile, "the issuer's certificate");
    issuer_key.reset(PEM_read_bio_PrivateKey(reader_of(request.issuer->key_pem).get(), nullptr,
                                             nullptr, nullptr));
    if (!issuer_key) return failure(TransportErrc::kBadKeyFile, "the issuer's key");
  }
  X509* issuer = issuer_cert ? issuer_cert.get() : cert.get();
  EVP_PKEY* signer = issuer_key ? issuer_key.get() : key.get();
  if (!fill(cert.get(), request, key.get(), issuer) ||
      X509_sign(cert.get(), signer, EVP_sha256()) == 0) {
    return failure(TransportErrc::kBadCertificateFile, "new certificate");
  }
  const bssl::UniquePtr<BIO> cert_out(BIO_new(BIO_s_mem()));
  const bssl::UniquePtr<BIO> key_out(BIO_new(BIO_s_mem()));
  if (!cert_out || !key_out || PEM_write_bio_X509(cert_out.get(), cert.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return failure(TransportErrc::kBadCertificateFile, "new certificate");
  }
  return CertifiedKey{text_of(cert_out.get()), text_of(key_out.get())};
}

Result<CertifiedKey, TransportError> make_self_signed(std::vector<std::string> names) {
  CertificateRequest request;
  request.names = std::move(names);
  return make_certificate(request);
}

}  // namespace h2::inline v0::transport
