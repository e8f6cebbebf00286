# Packages of the tiny model for the HTP, and what they answer on its emulator (label `htp`).
# Disabled without Qualcomm's libraries (scripts/bootstrap --qnn).
if(DEFINED ENV{LAPIDARY_QNN_LIBS})
  set(qnn_libs $ENV{LAPIDARY_QNN_LIBS})
else()
  set(qnn_libs ${CMAKE_SOURCE_DIR}/.deps/qnn/lib)
endif()
if(EXISTS ${qnn_libs}/libQnnHtp.so)
  set(no_qnn FALSE)
else()
  set(no_qnn TRUE)
endif()

set(htp_packages ${CMAKE_BINARY_DIR}/htp-packages)
set(tiny_corpus ${CMAKE_SOURCE_DIR}/models/tiny-gemma4/corpus)
add_test(NAME htp_packages.clean COMMAND ${CMAKE_COMMAND} -E rm -rf ${htp_packages})
set_tests_properties(htp_packages.clean PROPERTIES FIXTURES_SETUP htp_clean LABELS htp)

# lapidary_htp_package(NAME CHIP OPTIONS...)
function(lapidary_htp_package name arch)
  add_test(NAME htp_packages.${name}
    COMMAND lapidary build ${tiny_checkpoint} --recipe htp-w8a16 --arch ${arch}
      -o ${htp_packages}/${name} --cache ${htp_packages}/cache
      --calibration ${tiny_corpus}/calibration.txt --calibration ${tiny_corpus}/chats.jsonl
      --set static.context_length=256 --set static.prefill_length=32
      --set static.calibration_length=256 ${ARGN})
  set_tests_properties(htp_packages.${name} PROPERTIES
    FIXTURES_REQUIRED "htp_clean;e2e_packages" FIXTURES_SETUP htp_packages
    LABELS htp DISABLED ${no_qnn})
endfunction()
foreach(arch v73 v75 v79 v81)
  lapidary_htp_package(${arch} ${arch})
endforeach()
lapidary_htp_package(two_parts v81 --set split.num_splits=2 --set split.max_bytes=null)
lapidary_htp_package(three_parts v81 --set split.num_splits=3 --set split.max_bytes=null)

file(GLOB htp_e2e_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/htp_e2e/*.cc)
add_executable(htp_e2e_test ${htp_e2e_sources} e2e/child.cc e2e/opened_model.cc)
add_dependencies(htp_e2e_test lapidary)
target_link_libraries(htp_e2e_test PRIVATE
  lapidary_eval lapidary_htp lapidary_warnings GTest::gmock_main)
target_include_directories(htp_e2e_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(htp_e2e_test PRIVATE
  LAPIDARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  LAPIDARY_PROGRAM="$<TARGET_FILE:lapidary>"
  LAPIDARY_PACKAGES="${e2e_packages}"
  LAPIDARY_HTP_PACKAGES="${htp_packages}")
# One value a property: gtest_discover_tests takes lists apart. The fixture brings e2e_packages along.
gtest_discover_tests(htp_e2e_test PROPERTIES
  LABELS htp FIXTURES_REQUIRED htp_packages DISABLED ${no_qnn}
  DISCOVERY_TIMEOUT 60)
