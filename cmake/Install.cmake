# cmake --install BUILD --prefix FOLDER: a tree that runs wherever it is moved.
#
#   bin/lapidary
#   lib/lapidary/libonnxruntime.so*
#   share/doc/lapidary/   our licence, and licenses/ of what is in the program or beside it; of
#       Debian's packages only those whose headers are compiled in: its libraries are the system's
#
# Qualcomm's libraries are not installed. Copied from .deps/qnn, the program finds them unasked as
# lib/lapidary/qnn (there: lib) and lib/lapidary/onnxruntime_qnn.libs: src/htp/libraries.h.
install(TARGETS lapidary RUNTIME DESTINATION bin)
# What the install scripts that CMake writes call; here the old path is without the empty entry.
install(CODE [[file(RPATH_CHANGE FILE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/bin/lapidary"
  OLD_RPATH "$ORIGIN/libraries/onnxruntime" NEW_RPATH "$ORIGIN/../lib/lapidary")]])
file(GLOB onnxruntime_files ${onnxruntime_folder}/libonnxruntime.so*)
install(FILES ${onnxruntime_files} DESTINATION lib/lapidary)

set(documents share/doc/lapidary)
install(FILES LICENSE DESTINATION ${documents})
install(FILES ${ONNXRUNTIME_ROOT}/licenses/LICENSE ${ONNXRUNTIME_ROOT}/licenses/ThirdPartyNotices.txt
  DESTINATION ${documents}/licenses/onnxruntime OPTIONAL) # a root of one's own may have none
foreach(package nlohmann-json3-dev libcli11-dev libfmt-dev libhwy-dev libkissfft-dev libxxhash-dev)
  install(FILES /usr/share/doc/${package}/copyright
    DESTINATION ${documents}/licenses/${package} OPTIONAL) # on Debian
endforeach()
