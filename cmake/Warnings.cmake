# Compiler settings that every target of ours shares.
add_library(lapidary_warnings INTERFACE)
target_compile_options(lapidary_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Woverloaded-virtual -Wconversion -Wno-sign-conversion -Wdouble-promotion -Wformat=2 -Werror
  # Quantization results are compared bit for bit: a * b + c must round twice on every machine.
  -ffp-contract=off
  # GCC 12 reports string concatenation as overlapping memcpy (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(LAPIDARY_SANITIZE)
  target_compile_options(lapidary_warnings INTERFACE
    -fsanitize=${LAPIDARY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(lapidary_warnings INTERFACE -fsanitize=${LAPIDARY_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths below the checkout are hashed relative to it, so that every clone shares what one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE_PROGRAM})
endif()
