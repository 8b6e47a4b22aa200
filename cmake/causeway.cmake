# Helpers that every room uses: one library per folder of src/, one test binary per folder of tests/.

add_library(causeway_options INTERFACE)
target_compile_options(causeway_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wno-missing-field-initializers)
target_include_directories(causeway_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(CAUSEWAY_SANITIZE)
  target_compile_options(causeway_options INTERFACE
    -fsanitize=${CAUSEWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_compile_definitions(causeway_options INTERFACE CAUSEWAY_SANITIZED)
  target_link_options(causeway_options INTERFACE -fsanitize=${CAUSEWAY_SANITIZE})
  # g++ 12 finds what is not there in instrumented code of its own <regex>; the release build looks.
  target_compile_options(causeway_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(CAUSEWAY_FUZZ)
  # libstdc++ 12's own stable_sort uses what it declares deprecated; clang says so, g++ does not.
  target_compile_options(causeway_options INTERFACE -fsanitize=fuzzer-no-link -Wno-deprecated-declarations)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is known by what is in it, not by when it was made.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

# causeway_library(room SOURCES a.cc b.cc LINK causeway::base ...)
function(causeway_library room)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(causeway_${room} STATIC ${ARG_SOURCES})
  add_library(causeway::${room} ALIAS causeway_${room})
  target_link_libraries(causeway_${room} PUBLIC causeway_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# causeway_test(name SOURCES a_test.cc LINK causeway::base ... [LABELS unit] [COST 1] [OPTIMIZED])
# What is tested is compiled as ever; the test's own lines are not optimized, which halves the time of
# the build, unless it computes much itself (OPTIMIZED).
# Registers one ctest entry per binary, those of greater COST to be started first. The binary writes what it proved to build/<preset>/requirements/.
function(causeway_test name)
  cmake_parse_arguments(ARG "OPTIMIZED" "LABELS;TIMEOUT;COST" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_COST)
    set(ARG_COST 1)
  endif()
  add_executable(test_${name} ${ARG_SOURCES})
  if(NOT ARG_OPTIMIZED)
    target_compile_options(test_${name} PRIVATE -O0)
    target_precompile_headers(test_${name} REUSE_FROM causeway_test_headers)
  endif()
  target_link_libraries(test_${name} PRIVATE causeway_options causeway_test_support ${ARG_LINK} GTest::gmock GTest::gtest)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT} COST ${ARG_COST}
    ENVIRONMENT "CAUSEWAY_REQUIREMENTS_DIR=${CMAKE_BINARY_DIR}/requirements;CAUSEWAY_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()
