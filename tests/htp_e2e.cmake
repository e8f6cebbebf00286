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

# lapidary_htp_package(NAME FIXTURE RECIPE ARCH OPTIONS...)
function(lapidary_htp_package name fixture recipe arch)
  add_test(NAME htp_packages.${name}
    COMMAND lapidary build ${tiny_checkpoint} --recipe ${recipe} --arch ${arch}
      -o ${htp_packages}/${name} --cache ${htp_packages}/cache
      --calibration ${tiny_corpus}/calibration.txt --calibration ${tiny_corpus}/chats.jsonl
      --calibration ${tiny_corpus}/chats_media.jsonl
      --set static.context_length=256 --set static.prefill_length=32
      --set static.calibration_length=256 --set build.audio_soft_tokens=48 ${ARGN})
  set_tests_properties(htp_packages.${name} PROPERTIES
    FIXTURES_REQUIRED "htp_clean;e2e_packages" FIXTURES_SETUP ${fixture}
    LABELS htp DISABLED ${no_qnn})
endfunction()

set(htp_archs v73 v75 v79 v81)
foreach(arch ${htp_archs})
  lapidary_htp_package(${arch} htp_packages htp-w8a16 ${arch})
endforeach()
# The others are about how the decoder is cut and stored: their nodes are not probed again, and
# behind the first package of their arch they find the encoders' binaries in the cache.
lapidary_htp_package(two_parts htp_packages htp-w8a16 v81 --no-probe
  --set split.num_splits=2 --set split.max_bytes=null)
lapidary_htp_package(three_parts htp_packages htp-w8a16 v81 --no-probe
  --set split.num_splits=3 --set split.max_bytes=null)
set_tests_properties(htp_packages.two_parts htp_packages.three_parts PROPERTIES
  DEPENDS htp_packages.v81)
foreach(recipe htp-w4a16 htp-lpbq htp-mixed)
  foreach(arch ${htp_archs})
    lapidary_htp_package(${recipe}-${arch} htp_4bit_packages ${recipe} ${arch} --no-probe)
    set_tests_properties(htp_packages.${recipe}-${arch} PROPERTIES DEPENDS htp_packages.${arch})
  endforeach()
endforeach()

file(GLOB htp_e2e_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/htp_e2e/*.cc)
add_executable(htp_e2e_test ${htp_e2e_sources} e2e/child.cc e2e/opened_model.cc)
add_dependencies(htp_e2e_test lapidary)
target_link_libraries(htp_e2e_test PRIVATE
  lapidary_eval lapidary_htp lapidary_warnings GTest::gmock_main)
target_include_directories(htp_e2e_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
# One value a property: gtest_discover_tests takes lists apart. The fixtures bring e2e_packages along.
# Suites named Htp4bit... take the packages of the 4-bit recipes too.
gtest_discover_tests(htp_e2e_test TEST_FILTER "-*Htp4bit*" TEST_LIST htp_e2e_tests PROPERTIES
  LABELS htp FIXTURES_REQUIRED htp_packages DISABLED ${no_qnn}
  DISCOVERY_TIMEOUT 60)
gtest_discover_tests(htp_e2e_test TEST_FILTER "*Htp4bit*" TEST_LIST htp_4bit_e2e_tests PROPERTIES
  LABELS htp FIXTURES_REQUIRED htp_4bit_packages DISABLED ${no_qnn}
  DISCOVERY_TIMEOUT 60)

add_test(NAME htp.quiet COMMAND ${CMAKE_CURRENT_LIST_DIR}/quiet.sh $<TARGET_FILE:lapidary> --htp)
set_tests_properties(htp.quiet PROPERTIES LABELS htp DISABLED ${no_qnn})
