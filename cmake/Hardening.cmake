# What makes a memory error harder to use for an attacker, for every target, generated code
# included. tests/hardening.sh looks for it in the program.
add_compile_options(-fPIE -fstack-protector-strong)
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
# The C library's own checks of buffer sizes. They need optimization, and hide calls from sanitizers.
if(NOT LAPIDARY_SANITIZE AND NOT LAPIDARY_FUZZERS)
  set(optimized $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
  add_compile_options("$<${optimized}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()

# Where the loader seeks ONNX Runtime, the one library that is not the system's: a link in the build
# tree (Dependencies.cmake), below the program's own folder, as nobody else can make a folder there.
# Given as the run path of installing, because CMake ends a build tree's by an empty entry, to change
# it when installing, and the loader takes that for the current folder. Install.cmake changes it all
# the same, to no longer one.
set(lapidary_runtime_folder libraries/onnxruntime)
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/${lapidary_runtime_folder}")
