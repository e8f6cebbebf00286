// Opens a file of a folder without being led out of the folder by links.
//
//   const Opened opened = open_beneath(folder, "decoder/model.onnx", O_RDONLY | O_NONBLOCK);
//   if (opened.error == kLeadsOut) return refusal();
//
// A link is followed when its target lies in the folder and is written relative to the link; an
// absolute target, one that passes through "..", out of the folder, and the links of /proc are
// refused. Where the system has no openat2 (Linux before 5.6, or a filter that hides it), no link at
// all is followed.
#pragma once

#include <cerrno>
#include <string>

#include "base/folder_handle.h"

namespace lapidary {

// What errno says when a link would lead out.
inline constexpr int kLeadsOut = EXDEV;

struct Opened {
  FileHandle file;  // not open on an error
  int error = 0;    // errno; kLeadsOut for what a link would lead out to
};

// `folder`: a descriptor, O_PATH suffices. `relative`: without ".." and not absolute. `flags`: as
// open() takes them, without O_CREAT; a named pipe must not make the caller wait, so O_NONBLOCK
// belongs to O_RDONLY.
Opened open_beneath(int folder, const std::string& relative, int flags);
// What it does where there is no openat2.
Opened open_without_links(int folder, const std::string& relative, int flags);

}  // namespace lapidary
