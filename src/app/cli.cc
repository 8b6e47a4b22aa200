#include "app/cli.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/atomic_file.h"
#include "app/control_client.h"
#include "deployment/load.h"

namespace causeway::app {
namespace {

std::size_t columns(const std::string& s) {
  return static_cast<std::size_t>(std::count_if(
      s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Numbers stand right, words left.
bool is_number(const std::string& s) {
  return !s.empty() && s.find_first_not_of("0123456789.,%-") == std::string::npos;
}

}  // namespace

void Table::head(std::vector<std::string> cells) {
  has_head_ = true;
  rows_.insert(rows_.begin(), std::move(cells));
}

void Table::print(std::ostream& out) {
  std::vector<std::size_t> width;
  std::vector<bool> right;
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t i = 0; i < rows_[r].size(); ++i) {
      if (i >= width.size()) {
        width.push_back(0);
        right.push_back(true);
      }
      width[i] = std::max(width[i], columns(rows_[r][i]));
      if (!(r == 0 && has_head_) && !is_number(rows_[r][i])) right[i] = false;
    }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(width[i] - columns(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right[i] ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
  rows_.clear();
  has_head_ = false;
}

int run_check(const std::string& file, WallTime now, std::ostream& out) {
  deployment::LoadOptions options;
  options.now = now;
  const auto r = deployment::load_file(file, options);
  if (!r.deployment) {
    out << r.to_string() << r.mistakes.size() << (r.mistakes.size() == 1 ? " mistake" : " mistakes")
        << "\n";
    return kExitMistakes;
  }
  const auto& d = *r.deployment;
  out << file << ": good (" << d.realms.size() << " realms, " << d.listeners.size()
      << " listeners, " << d.groups.size() << " peer groups, " << d.peers.size() << " peers)\n";
  return kExitGood;
}

Result<std::string> socket_of(const CommandLine& line) {
  if (const std::string s = line.option("socket"); !s.empty()) return s;
  if (const std::string file = line.option("config"); !file.empty()) {
    deployment::LoadOptions options;
    options.check_files = false;
    const auto r = deployment::load_file(file, options);
    if (!r.deployment) return fail(ErrorCode::kConfiguration, r.to_string());
    return r.deployment->operation.control_socket;
  }
  return deployment::Operation{}.control_socket;
}

Result<Request> request_of(const CommandLine& line) {
  Request r;
  r.command = line.command;
  for (const auto& [name, value] : line.options)
    if (name != "socket" && name != "config" && name != "out") r.args[name] = value;
  const auto operand = [&](std::size_t i) {
    return i < line.operands.size() ? line.operands[i] : std::string{};
  };
  if (line.command == "trace" || line.command == "capture") {
    r.args["name"] = operand(0);
  } else if (line.command == "peer" || line.command == "group" || line.command == "region") {
    r.args["action"] = operand(0);
    r.args["name"] = operand(1);
  } else if (line.command == "diff") {
    r.args["number"] = operand(0);
  } else if (line.command == "dns") {
    r.args["action"] = operand(0) == "acme" ? operand(1) : operand(0);
    r.args["name"] = operand(2);
    r.args["value"] = operand(3);
  } else if (line.command == "unban") {
    r.args["address"] = operand(0);
  } else if (line.command == "explain") {
    auto text = read_whole(operand(0), 256 << 10);
    if (!text) return tl::unexpected(text.error());
    r.args["message"] = std::move(*text);
  } else if (line.command == "apply") {
    auto text = read_whole(operand(0), 4 << 20);
    if (!text) return tl::unexpected(text.error());
    std::error_code ec;
    r.args["file"] = std::filesystem::absolute(operand(0), ec).string();
    r.args["text"] = std::move(*text);
  }
  for (const char* name : {"since", "confirm", "rtp", "for"})
    if (const auto it = r.args.find(name); it != r.args.end())
      if (const auto seconds = parse_seconds(it->second)) it->second = std::to_string(*seconds);
  return r;
}

int run_remote(const CommandLine& line, std::ostream& out, std::ostream& err) {
  const auto socket = socket_of(line);
  const auto request = request_of(line);
  if (!socket || !request) {
    err << "causeway: " << (!socket ? socket.error() : request.error()).what << "\n";
    return kExitFailed;
  }
  std::ofstream file;
  std::size_t written = 0;
  const std::string path = line.option("out");
  Table table;
  const Status s = ask(*socket, *request, [&](const ResponseLine& l) -> Status {
    if (l.kind != ResponseLine::Kind::kRow && !table.empty()) table.print(out);
    switch (l.kind) {
      case ResponseLine::Kind::kText: out << l.text << (l.text.ends_with('\n') ? "" : "\n"); break;
      case ResponseLine::Kind::kHead: table.head(l.cells); break;
      case ResponseLine::Kind::kRow: table.row(l.cells); break;
      case ResponseLine::Kind::kBytes:
        if (!file.is_open()) file.open(path, std::ios::binary | std::ios::trunc);
        file.write(l.text.data(), static_cast<std::streamsize>(l.text.size()));
        if (!file) return fail(ErrorCode::kIo, "cannot write '" + path + "'");
        written += l.text.size();
        break;
      case ResponseLine::Kind::kDone:
      case ResponseLine::Kind::kFailed: break;
    }
    return {};
  });
  if (!table.empty()) table.print(out);
  if (!s) {
    err << "causeway: " << s.error().what << "\n";
    return kExitFailed;
  }
  if (written > 0) out << path << ": " << written << " bytes\n";
  return kExitGood;
}

}  // namespace causeway::app
