#include "core/tls/security.h"

#include "core/tls/tls_stream.h"

namespace babilu::tls {

namespace {

class ByCertificates final : public CertificateSecurity {
 public:
  ByCertificates(Runtime& runtime, ContextPtr context, Roles roles)
      : runtime_(runtime), roles_(std::move(roles)) {
    ByCertificates::use(std::move(context));
  }

  task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address& to,
                                    Deadline deadline) override {
    return connect(runtime_, std::move(raw), context_, Expected{to.host, roles_.dialed}, deadline);
  }
  task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline deadline) override {
    return tls::accept(runtime_, std::move(raw), context_, roles_.accepted, sessions_, deadline);
  }
  void use(ContextPtr context) override {
    context_ = std::move(context);
    sessions_ = make_listener_sessions(runtime_, *context_);
  }
  bool encrypted() const noexcept override { return true; }

 private:
  Runtime& runtime_;
  ContextPtr context_;
  std::shared_ptr<Sessions> sessions_;
  const Roles roles_;
};

}  // namespace

std::unique_ptr<CertificateSecurity> make_security(Runtime& runtime, ContextPtr context,
                                                   Roles roles) {
  return std::make_unique<ByCertificates>(runtime, std::move(context), std::move(roles));
}

}  // namespace babilu::tls
