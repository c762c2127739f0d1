#include "tests/interop/servers.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace h2::inline v0::testing {
namespace {

std::string nginx_configuration(const ScratchDir& dir, Security security,
                                const CertificateFiles& certificate, std::uint16_t port) {
  const std::string d = dir.path();
  const bool tls = security == Security::kTls;
  std::string text = "daemon off;\nmaster_process off;\nuser root;\n";
  text += "pid " + d + "/nginx.pid;\nerror_log " + d + "/error.log info;\n";
  text += "events { worker_connections 512; }\nhttp {\n  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text += std::string("  ") + kind + "_temp_path " + d + "/" + kind + ";\n";
  }
  text += "  client_max_body_size 64m;\n  server {\n";
  text += "    listen 127.0.0.1:" + std::to_string(port) + (tls ? " ssl" : "") + " http2;\n";
  if (tls) {
    text += "    ssl_certificate " + certificate.certificate + ";\n";
    text += "    ssl_certificate_key " + certificate.key + ";\n";
    text += "    ssl_protocols TLSv1.2 TLSv1.3;\n";
  }
  text += "    root " + d + "/www;\n";
  text += "    location /refuse { return 403 refused; }\n";
  text +=
      "    location /upload {\n      client_body_in_file_only on;\n      proxy_pass_request_body "
      "off;\n";
  text += "      proxy_set_header Content-Length \"\";\n      proxy_method GET;\n";
  text += "      add_header x-body-file $request_body_file;\n";
  text += "      proxy_pass http://unix:" + d + "/sink.sock:/;\n    }\n  }\n";
  text += "  server { listen unix:" + d + "/sink.sock; location / { return 200 stored; } }\n}\n";
  return text;
}

}  // namespace

WebServer::WebServer(Security security)
    : certificate_(make_certificate(dir_)), security_(security) {
  std::filesystem::create_directory(dir_.file("www"));
}

void WebServer::started(std::uint16_t port) {
  port_ = port;
  if (port == 0) return;
  origin_ = (security_ == Security::kTls ? "https://localhost:" : "http://localhost:") +
            std::to_string(port);
}

void WebServer::write_www(const std::string& name, const std::string& contents) const {
  dir_.write("www/" + name, contents);
}

Nghttpd::Nghttpd(Security security) : WebServer(security) {
  const std::string program = find_program("nghttpd").value_or("nghttpd");
  started(peer_.start_on_free_port(
      [&](std::uint16_t port) {
        Argv argv{program, "--address=127.0.0.1", "--htdocs=" + dir_.file("www"), "--echo-upload"};
        if (security == Security::kCleartext) argv.emplace_back("--no-tls");
        argv.push_back(std::to_string(port));
        if (security == Security::kTls) {
          argv.push_back(certificate_.key);
          argv.push_back(certificate_.certificate);
        }
        return argv;
      },
      dir_.file("nghttpd.log")));
}

Nginx::Nginx(Security security) : WebServer(security) {
  const std::string program = find_program("nginx").value_or("nginx");
  started(peer_.start_on_free_port(
      [&](std::uint16_t port) {
        const std::string configuration =
            dir_.write("nginx.conf", nginx_configuration(dir_, security, certificate_, port));
        return Argv{program, "-p", dir_.path(), "-e", dir_.file("error.log"), "-c", configuration};
      },
      dir_.file("nginx.log")));
}

H2Serve::H2Serve(Security security) : WebServer(security) {
  Argv argv{h2_program(), "serve", "--port", "0", "-d", dir_.file("www")};
  if (security == Security::kTls) {
    argv.insert(argv.end(), {"--cert", certificate_.certificate, "--key", certificate_.key});
  } else {
    argv.emplace_back("--no-tls");
  }
  if (!peer_.start(argv, dir_.file("serve.log"))) return;
  // It prints "listening on https://127.0.0.1:PORT".
  const std::string before = "://127.0.0.1:";
  if (!peer_.wait_log(before) || !peer_.wait_log("\n")) {
    ADD_FAILURE() << "h2 serve does not come up; it wrote:\n" << peer_.log();
    return;
  }
  const std::string log = peer_.log();
  started(static_cast<std::uint16_t>(std::atoi(log.c_str() + log.find(before) + before.size())));
}

}  // namespace h2::inline v0::testing
