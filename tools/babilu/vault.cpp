// encrypt, decrypt, sign, verify: what is done under an account's keys, which never leave the
// vault.
#include <fmt/format.h>

#include "core/base/standard_streams.h"
#include "core/base/utf8.h"
#include "core/wire/frame.h"
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/vault.pb.h"
#include "tools/babilu/answer.h"
#include "tools/babilu/caller.h"
#include "tools/babilu/client.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/files.h"
#include "tools/babilu/token_file.h"

namespace babilu::cli {

using Presence = Invocation::Presence;

namespace {

constexpr auto encrypt_footer =
    "Reads FILE or the standard input, at most 192 KiB. The ciphertext is binary; base64 with\n"
    "--armor, with --json, and on a terminal.\n"
    "  babilu encrypt letter.txt --out letter.enc\n"
    "  echo hello | babilu encrypt --armor";

constexpr auto decrypt_footer =
    "Reads FILE or the standard input, binary or base64.\n"
    "  babilu decrypt letter.enc\n"
    "  echo hello | babilu encrypt | babilu decrypt";

constexpr auto sign_footer =
    "Signs FILE or the standard input; writes the signature in base64, on one line.\n"
    "  babilu sign contract.pdf --out contract.sig";

constexpr auto verify_footer =
    "Did NAME sign FILE, or the standard input? Exit code 0: yes. 1: no. Needs no login.\n"
    "  babilu verify ada contract.pdf --signature-file contract.sig";

/// What vault.Encrypt takes (roles/api/vault.proto), what that becomes, and that in base64.
constexpr std::size_t most_plaintext = 192 * 1024;
constexpr std::size_t most_ciphertext = most_plaintext + 1024;
constexpr std::size_t most_armored = 2 * most_ciphertext;
/// What fits into a frame of the usual size with a name, a signature and a token.
constexpr std::size_t most_signed = wire::default_frame_limit - 2048;
constexpr std::size_t most_signature_file = 4096;

/// What comes in, and where the result goes.
struct Files {
  std::string in;
  std::string out;
};

void bind(Invocation& invocation, Files& files) {
  invocation.argument("FILE", files.in, "what to read; - or none: the standard input",
                      Presence::optional);
  invocation.options().option("out", files.out, "where to write; default: the standard output");
}

/// Everything that the commands with a token share: configuration, token and input.
struct Job {
  ClientConfig config;
  Caller caller;
  Files files;
  Secret token;
  Secret input;
};

/// Nothing when the job is ready, else the exit code.
std::optional<int> prepare(Invocation& invocation, Job& job, std::size_t most) {
  bind(invocation.options(), job.config);
  bind(invocation.options(), job.caller);
  bind(invocation, job.files);
  if (const auto code = invocation.resolve()) return code;
  invocation.answer_in_json(job.config.json);
  auto token = find_token(job.caller.token, {job.config.target, job.caller.name});
  if (!token) return invocation.fail(token.error());
  auto input = read_input(job.files.in, most);
  if (!input) return invocation.fail(input.error());
  job.token = std::move(*token);
  job.input = std::move(*input);
  return std::nullopt;
}

int deliver(const Invocation& invocation, const std::string& out, std::string_view content) {
  if (const auto problem = write_output(out, bytes_of(content))) return invocation.fail(*problem);
  return to_int(ExitCode::done);
}

/// Base64 looks like nothing else that the vault makes: its ciphertexts begin with the byte 1.
Secret unarmored(Secret input) {
  auto decoded = from_text(text_of(input));
  return decoded ? std::move(*decoded) : std::move(input);
}

std::string text_of_bytes(const std::string& bytes) {
  return to_text(bytes_of(bytes));
}

/// 64 bytes as they are, or as base64.
rpc::Outcome<std::string> read_signature(const std::string& text, const std::string& file) {
  if (text.empty() == file.empty()) {
    return usage_error("give the signature by --signature TEXT or by --signature-file FILE");
  }
  if (file.empty()) {
    const auto decoded = from_text(text);
    if (!decoded) return usage_error("the signature is not base64");
    return std::string(text_of(*decoded));
  }
  auto content = read_input(file, most_signature_file);
  if (!content) return usage_error(content.error().text);
  return std::string(text_of(unarmored(std::move(*content))));
}

}  // namespace

int encrypt(Invocation& invocation) {
  Job job;
  bool armor = false;
  std::string associated_data;
  invocation.options().option("armor", armor, "write the ciphertext in base64");
  invocation.options().option("associated_data", associated_data,
                              "text that must be given again to decrypt; not encrypted",
                              config::may_be_empty());
  invocation.footer(encrypt_footer);
  if (const auto code = prepare(invocation, job, most_plaintext)) return *code;

  api::EncryptRequest request;
  request.set_plaintext(job.input.data(), job.input.size());
  request.set_associated_data(associated_data);
  const auto reply = call(job.config, api::Vault::encrypt, request, job.token);
  if (!reply) return invocation.fail(reply.error());
  const std::string& ciphertext = reply->ciphertext();
  if (job.config.json) {
    return deliver(invocation, job.files.out, to_json({{"ciphertext", text_of_bytes(ciphertext)}}));
  }
  const bool as_text = armor || output_is_terminal(job.files.out);
  return deliver(invocation, job.files.out,
                 as_text ? text_of_bytes(ciphertext) + "\n" : ciphertext);
}

int decrypt(Invocation& invocation) {
  Job job;
  std::string associated_data;
  invocation.options().option("associated_data", associated_data,
                              "the text that was given to encrypt", config::may_be_empty());
  invocation.footer(decrypt_footer);
  if (const auto code = prepare(invocation, job, most_armored)) return *code;

  const Secret ciphertext = unarmored(std::move(job.input));
  if (ciphertext.size() > most_ciphertext) {
    return invocation.fail(too_large(job.files.in, most_ciphertext));
  }
  api::DecryptRequest request;
  request.set_ciphertext(ciphertext.data(), ciphertext.size());
  request.set_associated_data(associated_data);
  const auto reply = call(job.config, api::Vault::decrypt, request, job.token);
  if (!reply) return invocation.fail(reply.error());
  const std::string& plaintext = reply->plaintext();
  return deliver(invocation, job.files.out,
                 job.config.json ? to_json({{"plaintext", text_of_bytes(plaintext)}}) : plaintext);
}

int sign(Invocation& invocation) {
  Job job;
  invocation.footer(sign_footer);
  if (const auto code = prepare(invocation, job, most_signed)) return *code;

  api::SignRequest request;
  request.set_message(job.input.data(), job.input.size());
  const auto reply = call(job.config, api::Vault::sign, request, job.token);
  if (!reply) return invocation.fail(reply.error());
  const std::string signature = text_of_bytes(reply->signature());
  return deliver(invocation, job.files.out,
                 job.config.json ? to_json({{"signature", signature},
                                            {"signing_key", text_of_bytes(reply->signing_key())}})
                                 : signature + "\n");
}

int verify(Invocation& invocation) {
  ClientConfig config;
  std::string name, file, signature_text, signature_file;
  bind(invocation.options(), config);
  invocation.argument("NAME", name, "who is said to have signed it", Presence::required);
  invocation.argument("FILE", file, "what was signed; - or none: the standard input",
                      Presence::optional);
  invocation.options().option("signature", signature_text, "the signature in base64");
  invocation.options().option("signature_file", signature_file,
                              "the file with the signature, in base64 or as 64 bytes");
  invocation.footer(verify_footer);
  if (const auto code = invocation.resolve()) return *code;
  invocation.answer_in_json(config.json);

  const auto signature = read_signature(signature_text, signature_file);
  if (!signature) return invocation.fail(signature.error());
  const auto message = read_input(file, most_signed);
  if (!message) return invocation.fail(message.error());
  if (!is_utf8(name)) return invocation.fail_usage("NAME is not UTF-8 text");
  api::VerifyRequest request;
  request.set_name(name);
  request.set_message(message->data(), message->size());
  request.set_signature(*signature);
  const auto reply = call(config, api::Identity::verify, request);
  if (!reply) return invocation.fail(reply.error());
  if (config.json) {
    print(to_json({{"name", name}, {"valid", reply->valid()}}));
  } else {
    print(fmt::format("{}: {} {} this\n", reply->valid() ? "valid" : "not valid", name,
                      reply->valid() ? "signed" : "did not sign"));
  }
  return to_int(reply->valid() ? ExitCode::done : ExitCode::refused);
}

}  // namespace babilu::cli
