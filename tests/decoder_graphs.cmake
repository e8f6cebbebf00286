# decoder_graphs_test: the passes that make a static decoder, one after the other (label `golden`).
add_executable(decoder_graphs_test decoder_graphs_test.cc decoder_legality_test.cc
               split_random_test.cc pass_chain.cc zero_checkpoint.cc)
target_link_libraries(decoder_graphs_test PRIVATE
  lapidary_ort lapidary_passes lapidary_gemma4 lapidary_target lapidary_warnings
  GTest::gmock_main)
target_include_directories(decoder_graphs_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(decoder_graphs_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)
