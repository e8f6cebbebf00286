# The package that Olive's published QNN recipe makes, as it is but for the length of clips, which the
# tiny model cannot use ("auto" is 3000 frames, whose nodes take minutes to compile and to try one by
# one). In a fixture of its own: the suites named HtpOlive... take it.
add_test(NAME htp_packages.olive
  COMMAND lapidary build ${tiny_checkpoint}
    --recipe ${CMAKE_SOURCE_DIR}/tests/recipes/gemma4-e2b-qnn.olive.json
    -o ${htp_packages}/olive --cache ${htp_packages}/cache --no-probe
    --calibration ${tiny_corpus}/calibration.txt --calibration ${tiny_corpus}/chats.jsonl
    --calibration ${tiny_corpus}/chats_media.jsonl --set mobius.audio_soft_tokens=48)
set_tests_properties(htp_packages.olive PROPERTIES
  FIXTURES_REQUIRED "htp_clean;e2e_packages" FIXTURES_SETUP htp_olive_package
  LABELS htp DISABLED ${no_qnn})

add_executable(htp_olive_test htp_olive/olive_test.cc
  htp_e2e/packages.cc e2e/child.cc e2e/opened_model.cc)
add_dependencies(htp_olive_test lapidary)
target_link_libraries(htp_olive_test PRIVATE
  lapidary_eval lapidary_htp lapidary_warnings GTest::gmock_main)
target_include_directories(htp_olive_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(htp_olive_test PROPERTIES
  LABELS htp FIXTURES_REQUIRED htp_olive_package DISABLED ${no_qnn}
  DISCOVERY_TIMEOUT 60)
