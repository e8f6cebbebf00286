#include "base/scratch_folder.h"

#include <cstdlib>
#include <string>
#include <system_error>

namespace lapidary {

Result<std::unique_ptr<ScratchFolder>> ScratchFolder::create() {
  std::error_code error;
  const auto temp = std::filesystem::temp_directory_path(error);
  std::string name = (temp / "lapidary-XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) {
    return io_error(name, "cannot make a temporary folder", "set TMPDIR to a writable folder");
  }
  return std::make_unique<ScratchFolder>(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

}  // namespace lapidary
