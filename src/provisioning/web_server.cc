#include "provisioning/web_server.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <filesystem>
#include <map>
#include <thread>

#include "base/log.h"
#include "provisioning/api.h"

namespace causeway::provisioning {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using ErrorOf = boost::system::error_code;

constexpr std::uint32_t kMaxHeader = 16'384;
constexpr std::size_t kMaxDiscarded = std::size_t{16} << 20;  // of a refused request, bytes

IpAddress address_of(const asio::ip::address& a) {
  return IpAddress::literal(a.to_string()).value_or(IpAddress());
}

Request plain(const http::request<http::string_body>& in, const IpAddress& source) {
  Request out{std::string(in.method_string()), std::string(in.target()), {}, in.body(), source};
  for (const auto& field : in) {
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    out.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return out;
}

std::optional<Problem> refused_by_parser(const ErrorOf& e) {
  if (e == http::error::body_limit)
    return Problem{
        413, "PayloadTooLarge", "the body is too large: send fewer numbers at a time", {}, {}};
  if (e == http::error::header_limit || e == http::error::buffer_overflow)
    return Problem{431, "HeadersTooLarge", "the headers are too large", {}, {}};
  if (e == http::error::end_of_stream || e == http::error::partial_message) return std::nullopt;
  if (e.category() == http::make_error_code(http::error::bad_method).category())
    return Problem{400, "InvalidHttp", "this is no HTTP/1.1 request", {}, {}};
  return std::nullopt;
}

}  // namespace

struct WebServer::Impl {
  Impl(Options o, Handler h, MayConnect m)
      : options(std::move(o)),
        handler(std::move(h)),
        may_connect(std::move(m)),
        acceptor(io),
        look(io),
        workers(static_cast<std::size_t>(options.workers)) {}

  const Options options;
  const Handler handler;
  const MayConnect may_connect;
  // Before the io_context: sessions end with it, and tell.
  std::map<IpAddress, std::size_t> connections;  // by source
  std::size_t count = 0;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer look;
  asio::thread_pool workers;
  std::shared_ptr<asio::ssl::context> tls;
  std::filesystem::file_time_type seen_certificate, seen_key;
  std::thread thread;

  Status load();
  void look_at_files();
  void accept();
  void take(tcp::socket socket);
  void gone(const IpAddress& source) {
    --count;
    if (const auto it = connections.find(source); it != connections.end() && --it->second == 0)
      connections.erase(it);
  }
};

namespace {

// This thread takes what calls leave of the processors: in Linux each thread has a priority of its
// own. Where that is not allowed it is as before.
void give_way() {
  constexpr int kBehindCalls = 10;
  thread_local const int done =
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBehindCalls);
  (void)done;
}

// One connection; lives while something of it is under way. On the one thread of the io_context,
// the handler apart.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(WebServer::Impl& server, tcp::socket socket, const IpAddress& source)
      : server_(server), tls_(server.tls), stream_(std::move(socket), *tls_), source_(source) {}
  ~Session() { server_.gone(source_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() {
    beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(10));
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](const ErrorOf& e) {
                              if (!e) self->read();
                            });
  }

 private:
  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(server_.options.max_body);
    // The whole request within this time: one that trickles is cut off.
    beast::get_lowest_layer(stream_).expires_after(
        std::chrono::seconds(server_.options.request_seconds));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const ErrorOf& e, std::size_t) { self->on_read(e); });
  }

  void on_read(const ErrorOf& e) {
    if (e) {
      unread_ = e == http::error::body_limit || e == http::error::header_limit;
      if (const auto problem = refused_by_parser(e))
        write(Api::refusal(Request{}, *problem), false, false);
      return;
    }
    const bool keep = parser_->get().keep_alive();
    // Two hosts are a way past somebody in front of us (RFC 9112 3.2).
    const auto hosts = parser_->get().count(http::field::host);
    if (hosts > 1 || (hosts == 0 && parser_->get().version() >= 11)) {
      write(Api::refusal(Request{}, {400, "InvalidHttp", "one Host is needed", {}, {}}), false,
            false);
      return;
    }
    beast::get_lowest_layer(stream_).expires_never();
    auto request = std::make_shared<Request>(plain(parser_->get(), source_));
    asio::post(server_.workers, [self = shared_from_this(), request, keep] {
      give_way();
      Response r;
      try {
        r = self->server_.handler(*request);
      } catch (const std::exception& x) {
        log::error("provisioning: {}", x.what());
        r = Api::refusal(*request, {500, "InternalError", "this could not be done", {}, {}});
      }
      auto& io = self->server_.io;
      asio::post(io, [self, keep, head = request->method == "HEAD", r = std::move(r)]() mutable {
        self->write(std::move(r), keep, head);
      });
    });
  }

  void write(Response r, bool keep, bool head) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(r.status));
    for (const auto& [name, value] : r.headers) response_.insert(name, value);
    response_.set(http::field::cache_control, "no-store");
    response_.set("Strict-Transport-Security", "max-age=31536000");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.keep_alive(keep);
    if (!head) response_.body() = std::move(r.body);
    if (r.status != 204 && r.status != 304) response_.prepare_payload();
    beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(30));
    http::async_write(
        stream_, response_, [self = shared_from_this(), keep](const ErrorOf& e, std::size_t) {
          if (e) return;
          if (keep) return self->read();
          if (!self->unread_) return self->end();
          beast::get_lowest_layer(self->stream_).expires_after(std::chrono::seconds(5));
          self->discard(kMaxDiscarded);
        });
  }

  // A socket that is closed over bytes not read resets the connection, and the answer just written
  // may be lost with it: what is still on its way is taken first, within bounds (RFC 9112 9.6).
  void discard(std::size_t left) {
    buffer_.clear();
    if (left == 0) return end();
    stream_.async_read_some(buffer_.prepare(std::min<std::size_t>(left, kMaxHeader)),
                            [self = shared_from_this(), left](const ErrorOf& e, std::size_t n) {
                              if (e) return self->end();
                              self->discard(left - n);
                            });
  }

  void end() {
    stream_.async_shutdown([self = shared_from_this()](const ErrorOf&) {});
  }

  WebServer::Impl& server_;
  std::shared_ptr<asio::ssl::context> tls_;  // outlives the stream, also over a change
  beast::ssl_stream<beast::tcp_stream> stream_;
  IpAddress source_;
  beast::flat_buffer buffer_{kMaxHeader * 8};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool unread_ = false;  // refused before its end
};

}  // namespace

Status WebServer::Impl::load() {
  ErrorOf e;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* c = context->native_handle();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20");
  const auto wrong = [&](const std::string& file) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("'{}' cannot be used: {}", file, e.message()));
  };
  if (context->use_certificate_chain_file(options.certificate, e); e)
    return wrong(options.certificate);
  if (!options.chain.empty()) {
    const std::unique_ptr<BIO, int (*)(BIO*)> file(BIO_new_file(options.chain.c_str(), "r"),
                                                   BIO_free);
    while (X509* x = file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr)
      SSL_CTX_add0_chain_cert(c, x);
    ERR_clear_error();
  }
  if (context->use_private_key_file(options.key, asio::ssl::context::pem, e); e)
    return wrong(options.key);
  if (SSL_CTX_check_private_key(c) != 1)
    return fail(ErrorCode::kConfiguration,
                fmt::format("'{}' is not the key of '{}'", options.key, options.certificate));
  tls = std::move(context);
  return {};
}

void WebServer::Impl::look_at_files() {
  std::error_code ec;
  const auto certificate = std::filesystem::last_write_time(options.certificate, ec);
  const auto key = std::filesystem::last_write_time(options.key, ec);
  if (!ec && (certificate != seen_certificate || key != seen_key)) {
    const bool first = seen_certificate == std::filesystem::file_time_type{};
    if (const Status s = first ? Status{} : load(); s) {
      seen_certificate = certificate;
      seen_key = key;
      if (!first) log::info("provisioning: the new certificate '{}' is used", options.certificate);
    } else {
      log::warning("provisioning: the old certificate is kept: {}", s.error().what);
    }
  }
  look.expires_after(std::chrono::seconds(2));
  look.async_wait([this](const ErrorOf& e) {
    if (!e) look_at_files();
  });
}

void WebServer::Impl::accept() {
  acceptor.async_accept([this](const ErrorOf& e, tcp::socket socket) {
    if (e == asio::error::operation_aborted) return;
    if (e) {  // no descriptors: not in a circle
      look.expires_after(std::chrono::milliseconds(100));
      look.async_wait([this](const ErrorOf&) {
        look_at_files();
        accept();
      });
      return;
    }
    take(std::move(socket));
    accept();
  });
}

void WebServer::Impl::take(tcp::socket socket) {
  ErrorOf e;
  const auto remote = socket.remote_endpoint(e);
  if (e) return;
  const IpAddress source = address_of(remote.address());
  if (!may_connect(source) || count >= options.max_connections) return;
  if (const auto it = connections.find(source);
      it != connections.end() && it->second >= options.max_of_source)
    return;
  ++count;
  ++connections[source];
  e = socket.set_option(tcp::no_delay(true), e);
  std::make_shared<Session>(*this, std::move(socket), source)->start();
}

WebServer::WebServer() = default;

Result<std::unique_ptr<WebServer>> WebServer::open(Options options, Handler handler,
                                                   MayConnect may_connect) {
  std::unique_ptr<WebServer> out(new WebServer());
  const Endpoint at = options.listen;
  out->impl_ =
      std::make_unique<Impl>(std::move(options), std::move(handler), std::move(may_connect));
  Impl& i = *out->impl_;
  if (const Status s = i.load(); !s) return tl::unexpected(s.error());
  ErrorOf e;
  const tcp::endpoint endpoint(asio::ip::make_address(at.address.to_string(), e), at.port);
  if (!e) e = i.acceptor.open(endpoint.protocol(), e);
  if (!e) e = i.acceptor.set_option(tcp::acceptor::reuse_address(true), e);
  if (!e) e = i.acceptor.bind(endpoint, e);
  if (!e) e = i.acceptor.listen(128, e);
  if (e)
    return fail(ErrorCode::kIo,
                fmt::format("provisioning: cannot listen on {}: {}", at.to_string(), e.message()));
  i.look_at_files();
  i.accept();
  i.thread = std::thread([&i] {
    give_way();
    i.io.run();
  });
  return out;
}

WebServer::~WebServer() {
  if (!impl_ || !impl_->thread.joinable()) return;
  asio::post(impl_->io, [i = impl_.get()] {
    ErrorOf e;
    e = i->acceptor.close(e);
    i->look.cancel();
  });
  // What is being done is done to its end; its answer may not be heard any more.
  impl_->workers.join();
  impl_->io.stop();
  impl_->thread.join();
}

Endpoint WebServer::local() const {
  ErrorOf e;
  const auto l = impl_->acceptor.local_endpoint(e);
  return {address_of(l.address()), l.port()};
}

}  // namespace causeway::provisioning
