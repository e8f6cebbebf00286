// Mappings that outlive their file. Touching a page of a mapping beyond the end of its file, which
// someone made shorter meanwhile, ends a process with SIGBUS; so does a disk that fails. After
// guard_mappings() a thread that touches such a page reads zeros from there to the mapping's end,
// goes on, and the mapping remembers: whoever used what it read asks `lost` before believing it.
//
//   guard_mappings();                     // once, in main
//   const GuardedMapping mapping(data, size);
//   use(data, size);
//   if (mapping.lost()) return file.lost_bytes();
#pragma once

#include <cstddef>

namespace lapidary {

// Takes SIGBUS over. What it is sent for anything but a page of a guarded mapping goes where it went
// before. Programs call this; the library never does by itself, for signals belong to the program.
void guard_mappings();

// Registers [data, data + size), which must be mapped as long as this lives. The first 1024 at a
// time are guarded, the others as if guard_mappings() had not been called.
class GuardedMapping {
 public:
  GuardedMapping(const void* data, size_t size);
  ~GuardedMapping();
  GuardedMapping(const GuardedMapping&) = delete;
  GuardedMapping& operator=(const GuardedMapping&) = delete;

  // Whether zeros were read in place of bytes that could not be.
  bool lost() const;

 private:
  size_t slot_;
};

}  // namespace lapidary
