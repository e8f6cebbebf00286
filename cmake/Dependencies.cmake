# Libraries from Debian, plus two things that scripts/bootstrap fetches (see scripts/pins.sh):
#   ONNXRUNTIME_ROOT   include/ with the C++ headers, lib/libonnxruntime.so
#   ONNX_PROTO_DIR     onnx.proto of the onnx package
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(hwy 1.0.3 REQUIRED) # Google Highway
find_package(fmt 9.1 REQUIRED)
if(LAPIDARY_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(xxhash::xxhash INTERFACE IMPORTED)
target_include_directories(xxhash::xxhash INTERFACE ${XXHASH_INCLUDE})
target_compile_definitions(xxhash::xxhash INTERFACE XXH_INLINE_ALL)

# Libraries without a CMake package of their own: a header, and a library unless it is header-only.
function(lapidary_library target header library)
  string(MAKE_C_IDENTIFIER ${target} id)
  find_path(${id}_INCLUDE ${header} PATH_SUFFIXES ${ARGN} REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} INTERFACE ${${id}_INCLUDE})
  if(library)
    find_library(${id}_LIBRARY ${library} REQUIRED)
    target_link_libraries(${target} INTERFACE ${${id}_LIBRARY})
  endif()
endfunction()
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
lapidary_library(webp::webp webp/decode.h webp)
lapidary_library(sndfile::sndfile sndfile.h sndfile)
lapidary_library(mpg123::mpg123 mpg123.h mpg123)
lapidary_library(soxr::soxr soxr.h soxr)
lapidary_library(kissfft::kissfft kissfft.hh "" kissfft)

set(ONNXRUNTIME_ROOT "$ENV{ONNXRUNTIME_ROOT}" CACHE PATH "ONNX Runtime: include/ and lib/")
if(NOT ONNXRUNTIME_ROOT)
  set(ONNXRUNTIME_ROOT ${CMAKE_SOURCE_DIR}/.deps/onnxruntime CACHE PATH "" FORCE)
endif()
find_path(ONNXRUNTIME_INCLUDE onnxruntime_cxx_api.h
  HINTS ${ONNXRUNTIME_ROOT}/include PATH_SUFFIXES onnxruntime onnxruntime/core/session NO_DEFAULT_PATH)
find_library(ONNXRUNTIME_LIBRARY onnxruntime HINTS ${ONNXRUNTIME_ROOT}/lib NO_DEFAULT_PATH)
if(NOT ONNXRUNTIME_INCLUDE OR NOT ONNXRUNTIME_LIBRARY)
  message(FATAL_ERROR "ONNX Runtime not found under '${ONNXRUNTIME_ROOT}': run scripts/bootstrap, "
    "or set ONNXRUNTIME_ROOT to an unpacked release")
endif()
# Linked through the build tree, where the programs' run path leads (Hardening.cmake).
get_filename_component(onnxruntime_folder ${ONNXRUNTIME_LIBRARY} DIRECTORY)
get_filename_component(onnxruntime_name ${ONNXRUNTIME_LIBRARY} NAME)
set(onnxruntime_link ${CMAKE_BINARY_DIR}/${lapidary_runtime_folder})
get_filename_component(onnxruntime_link_parent ${onnxruntime_link} DIRECTORY)
file(MAKE_DIRECTORY ${onnxruntime_link_parent})
file(CREATE_LINK ${onnxruntime_folder} ${onnxruntime_link} SYMBOLIC)
add_library(onnxruntime::onnxruntime SHARED IMPORTED)
set_target_properties(onnxruntime::onnxruntime PROPERTIES
  IMPORTED_LOCATION ${onnxruntime_link}/${onnxruntime_name}
  INTERFACE_INCLUDE_DIRECTORIES ${ONNXRUNTIME_INCLUDE})

# onnx.proto, compiled with the system's protoc.
set(ONNX_PROTO_DIR ${CMAKE_SOURCE_DIR}/.deps/onnx CACHE PATH "Folder that holds onnx.proto")
if(NOT EXISTS ${ONNX_PROTO_DIR}/onnx.proto)
  message(FATAL_ERROR "${ONNX_PROTO_DIR}/onnx.proto not found: run scripts/bootstrap")
endif()
set(proto_out ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${proto_out})
add_custom_command(
  OUTPUT ${proto_out}/onnx.pb.cc ${proto_out}/onnx.pb.h
  COMMAND ${Protobuf_PROTOC_EXECUTABLE} --proto_path=${ONNX_PROTO_DIR} --cpp_out=${proto_out} onnx.proto
  DEPENDS ${ONNX_PROTO_DIR}/onnx.proto)
add_library(lapidary_onnx_proto STATIC ${proto_out}/onnx.pb.cc)
target_include_directories(lapidary_onnx_proto SYSTEM PUBLIC ${proto_out})
target_link_libraries(lapidary_onnx_proto PUBLIC protobuf::libprotobuf)
